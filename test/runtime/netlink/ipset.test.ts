import { describe, expect, it } from "vitest";
import type { Writer } from "../../../runtime/netlink/attributes.ts";
import { encodeList, encodeNames, printListing } from "../../../runtime/netlink/ipset.ts";
import { encodeNetfilter, type NetlinkMessage, readMessages } from "../../../runtime/netlink/message.ts";
import { address } from "../../support/net.ts";

/** Messages as the kernel writes them, and what they say as `ipset save` says it. The kernel tests compare with the tool. */

interface SetMessage {
  readonly type?: string;
  readonly family?: number;
  readonly flags?: number;
  /** More in the data of the set. */
  readonly more?: (writer: Writer) => void;
  readonly elements?: readonly ((writer: Writer) => void)[];
}

/** The first message about a set. */
function first({ type = "hash:ip,port", family = 2, flags = 0, more, elements = [] }: SetMessage): NetlinkMessage {
  return message((writer) => {
    writer.text(3, type);
    writer.u8(5, family);
    writer.u8(4, 5);
    writer.nested(7, () => {
      writer.be32(18, 1024);
      writer.be32(19, 65536);
      writer.u8(21, 12);
      writer.be32(17, 0x12345678);
      if (flags !== 0) writer.be32(8, flags);
      writer.be32(25, 1);
      writer.be32(26, 4096);
      writer.be32(24, elements.length);
      more?.(writer);
    });
    list(writer, elements);
  });
}

/** One with more of its elements. */
const further = (...elements: readonly ((writer: Writer) => void)[]): NetlinkMessage =>
  message((writer) => list(writer, elements));

function list(writer: Writer, elements: readonly ((writer: Writer) => void)[]): void {
  writer.nested(8, () => {
    for (const element of elements) writer.nested(7, () => element(writer));
  });
}

function message(fill: (writer: Writer) => void): NetlinkMessage {
  const frame = encodeNetfilter(6, 7, 0, 2, (writer) => {
    writer.u8(1, 6);
    writer.text(2, "weir-a");
    fill(writer);
  });
  const [read] = readMessages(frame);
  if (read === undefined) throw new Error("no message");
  return read;
}

const at =
  (text: string, port: number, more: (writer: Writer) => void = () => {}) =>
  (writer: Writer): void => {
    writer.nested(1, () => writer.address(address(text).family === "ipv4" ? 1 : 2, address(text)));
    writer.be16(4, port);
    writer.u8(7, 6);
    more(writer);
  };

const head = "create weir-a hash:ip,port family inet hashsize 1024 maxelem 65536";

describe("listings of sets", () => {
  it("are asked for by name, and the names alone before", () => {
    const hex = (frame: Buffer): string => frame.toString("hex", 4);
    expect(hex(encodeNames())).toBe("0706010300000000000000000200000005000100060000000800060000000002");
    expect(hex(encodeList("weir-a"))).toBe(
      "070601030000000000000000020000000500010006000000" + "0b000200776569722d610000",
    );
  });

  it("may come in several messages", () => {
    const messages = [
      first({ elements: [at("10.96.0.10", 80)] }),
      further(at("10.96.0.11", 443)),
      further(at("10.96.0.12", 1)),
    ];
    expect(printListing(messages)).toBe(
      `${head}\nadd weir-a 10.96.0.10,tcp:80\nadd weir-a 10.96.0.11,tcp:443\nadd weir-a 10.96.0.12,tcp:1\n`,
    );
  });

  it("have marks with and without a mask, and comments", () => {
    const commented = at("10.96.0.10", 80, (writer) => {
      writer.text(26, "shop/web:http");
      writer.be64(27, 0x40000000_60000000n);
    });
    const whole = at("10.96.0.11", 80, (writer) => writer.be64(27, 0x61234567_ffffffffn));
    expect(printListing([first({ flags: (1 << 4) | (1 << 6), elements: [commented, whole] })])).toBe(
      `${head} comment skbinfo\nadd weir-a 10.96.0.10,tcp:80 comment "shop/web:http" skbmark 0x40000000/0x60000000\n` +
        "add weir-a 10.96.0.11,tcp:80 skbmark 0x61234567\n",
    );
  });

  it("have networks with their lengths, and none for single addresses", () => {
    const client = (text: string, length: number) =>
      at("fd00::1", 53, (writer) => {
        writer.nested(20, () => writer.address(2, address(text)));
        writer.u8(21, length);
      });
    const elements = [client("fd00:10::", 32), client("fd00:10::5", 128)];
    expect(printListing([first({ type: "hash:ip,port,net", family: 10, elements })])).toBe(
      "create weir-a hash:ip,port,net family inet6 hashsize 1024 maxelem 65536\n" +
        "add weir-a fd00::1,tcp:53,fd00:10::/32\nadd weir-a fd00::1,tcp:53,fd00:10::5\n",
    );
  });

  it.each<readonly [string, SetMessage]>([
    ["another type", { type: "bitmap:port" }],
    ["no family", { family: 0 }],
    ["a timeout", { more: (writer) => writer.be32(6, 100) }],
    ["a netmask", { more: (writer) => writer.u8(20, 24) }],
    ["a flag that is not known here", { flags: 1 << 7 }],
    ["an exception among its elements", { elements: [at("10.0.0.1", 1, (writer) => writer.be32(8, 4))] }],
    ["counters of an element", { elements: [at("10.0.0.1", 1, (writer) => writer.be64(24, 5n))] }],
    ["a quote in a comment", { elements: [at("10.0.0.1", 1, (writer) => writer.text(26, 'a" b'))] }],
    ["a line's end in a comment", { elements: [at("10.0.0.1", 1, (writer) => writer.text(26, "a\nadd b"))] }],
    ["an element without its port", { elements: [(writer) => writer.nested(1, () => writer.be32(1, 1))] }],
    ["an address of the other family", { elements: [at("fd00::1", 1)] }],
  ])("are left to the tool for a set with %s", (_, set) => {
    expect(printListing([first(set)])).toBeNull();
  });
});
