import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addressOf,
  attributesFrom,
  be16Of,
  be32Of,
  bytesOf,
  createWriter,
  nestedOf,
  textOf,
  typesOf,
  u8Of,
  u16Of,
  u32Of,
} from "../../../runtime/netlink/attributes.ts";
import { encodeMessage, joinFrames, payloadOf, readMessages, splitFrames } from "../../../runtime/netlink/message.ts";
import { address } from "../../support/net.ts";

function written(fill: (writer: ReturnType<typeof createWriter>) => void): Buffer {
  const writer = createWriter();
  fill(writer);
  return writer.take();
}

describe("attributes", () => {
  it.each<[string, Parameters<typeof written>[0], string]>([
    ["one byte, padded", (writer) => writer.u8(1, 0xab), "0500 0100 ab000000"],
    ["two bytes, padded", (writer) => writer.u16(2, 0x1234), "0600 0200 34120000"],
    ["four bytes", (writer) => writer.u32(3, 0x12345678), "0800 0300 78563412"],
    ["a port in network order", (writer) => writer.be16(4, 80), "0600 0400 00500000"],
    ["a number in network order", (writer) => writer.be32(5, 1), "0800 0500 00000001"],
    ["a long number in network order", (writer) => writer.be64(6, 0x102n), "0c00 0600 0000000000000102"],
    ["a text with its zero", (writer) => writer.text(7, "wrr"), "0800 0700 77727200"],
    [
      "an address with zeros behind it",
      (writer) => writer.address(8, address("10.0.0.1"), 8),
      "0c00 0800 0a000001 00000000",
    ],
    ["nothing", (writer) => writer.bytes(8, Buffer.alloc(0)), "0400 0800"],
    ["attributes in one", (writer) => writer.nested(9, () => writer.u8(1, 2)), "0c00 0980 0500 0100 02000000"],
    ["an empty one", (writer) => writer.nested(9, () => {}), "0400 0980"],
  ])("writes %s", (_, fill, hex) => {
    expect(written(fill).toString("hex")).toBe(hex.replaceAll(" ", ""));
  });

  it("writes more than it had room for, and starts again behind what was taken", () => {
    const writer = createWriter();
    for (let type = 1; type <= 500; type++) writer.u32(type, type);
    const first = attributesFrom(writer.take());
    expect(typesOf(first)).toHaveLength(500);
    expect(u32Of(first, 500)).toBe(500);
    writer.u8(1, 255);
    writer.take();
    writer.u8(1, 1);
    expect(writer.take().toString("hex")).toBe("0500010001000000");
  });

  it("reads what was written", () => {
    const attributes = attributesFrom(
      written((writer) => {
        writer.u8(1, 200);
        writer.u16(2, 60_000);
        writer.u32(3, 0xfedc_4000);
        writer.be16(4, 65_535);
        writer.be32(5, 0xffff_ff00);
        writer.text(6, "mh");
        writer.nested(7, () => {
          writer.address(1, address("10.96.0.10"));
          writer.address(2, address("2001:db8::ff:1"));
        });
      }),
    );
    expect(u8Of(attributes, 1)).toBe(200);
    expect(u16Of(attributes, 2)).toBe(60_000);
    expect(u32Of(attributes, 3)).toBe(0xfedc_4000);
    expect(be16Of(attributes, 4)).toBe(65_535);
    expect(be32Of(attributes, 5)).toBe(0xffff_ff00);
    expect(textOf(attributes, 6)).toBe("mh");
    expect(addressOf(nestedOf(attributes, 7), 1, "ipv4")).toEqual(address("10.96.0.10"));
    expect(addressOf(nestedOf(attributes, 7), 2, "ipv6")).toEqual(address("2001:db8::ff:1"));
  });

  it("tells what is missing or too short", () => {
    const attributes = attributesFrom(written((writer) => writer.u16(1, 7)));
    expect([u32Of(attributes, 1), u16Of(attributes, 2), bytesOf(attributes, 2), textOf(attributes, 2)]).toEqual([
      null,
      null,
      null,
      null,
    ]);
    expect(addressOf(attributes, 1, "ipv4")).toBeNull();
    expect(typesOf(nestedOf(attributes, 2))).toEqual([]);
  });

  it("reads up to what makes no sense, whatever the bytes", () => {
    const good = written((writer) => writer.u32(1, 1)).toString("hex");
    for (const bad of ["0300 0200", "ffff 0200 01", "0800 0200 01"]) {
      expect(typesOf(attributesFrom(Buffer.from(good + bad.replaceAll(" ", ""), "hex")))).toEqual([1]);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const buffer = Buffer.from(bytes);
        const attributes = attributesFrom(buffer);
        for (const type of typesOf(attributes)) typesOf(nestedOf(attributes, type));
        expect(splitFrames(buffer).length).toBeLessThanOrEqual(4);
      }),
    );
  });
});

describe("messages", () => {
  it("have a header, and stand one behind the other", () => {
    const first = encodeMessage(20, 0x300, (writer) => writer.header8(2));
    const second = encodeMessage(21, 0, (writer) => writer.u32(1, 7));
    expect(first.toString("hex")).toBe("11000000 1400 0103 00000000 00000000 02".replaceAll(" ", ""));
    const read = readMessages(joinFrames([first, second]));
    expect(read.map((message) => [message.type, message.flags, payloadOf(message).toString("hex")])).toEqual([
      [20, 0x301, "02"],
      [21, 1, "0800010007000000"],
    ]);
  });
});
