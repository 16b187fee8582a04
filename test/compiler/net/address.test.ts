import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addressFromBits,
  compareAddresses,
  isLoopback,
  parseAddress,
  parsePrefix,
  prefixContains,
  prefixCovers,
  withoutCovered,
} from "../../../compiler/net/address.ts";
import { address, prefix } from "../../support/net.ts";

const bits4 = fc.bigInt(0n, 2n ** 32n - 1n);
const bits6 = fc.bigInt(0n, 2n ** 128n - 1n).filter((bits) => bits >> 32n !== 0xffffn);

describe("parseAddress", () => {
  it.each([
    ["10.0.0.1", "10.0.0.1"],
    ["255.255.255.255", "255.255.255.255"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["::", "::"],
    ["::1", "::1"],
    ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
  ])("reads %s as %s", (text, canonical) => {
    const parsed = parseAddress(text);
    expect(parsed.ok && parsed.value.text).toBe(canonical);
  });

  it.each([
    "",
    "10.0.0",
    "10.0.0.256",
    "010.0.0.1",
    "1.2.3.4.5",
    "0x7f.1",
    "10",
    "fe80::1%eth0",
    "::ffff:10.0.0.1",
    ":::",
    "1::2::3",
    "10.0.0.1/8",
    " 10.0.0.1",
  ])("refuses %j", (text) => expect(parseAddress(text).ok).toBe(false));

  it("reads back what it writes", () => {
    fc.assert(fc.property(bits4, (bits) => parseAddressBits(addressFromBits("ipv4", bits).text) === bits));
    fc.assert(fc.property(bits6, (bits) => parseAddressBits(addressFromBits("ipv6", bits).text) === bits));
  });

  function parseAddressBits(text: string): bigint | null {
    const parsed = parseAddress(text);
    return parsed.ok ? parsed.value.bits : null;
  }
});

describe("parsePrefix", () => {
  it.each([
    ["10.96.0.0/12", "10.96.0.0/12"],
    ["10.96.0.1", "10.96.0.1/32"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["FD00::/8", "fd00::/8"],
    ["::1", "::1/128"],
  ])("reads %s as %s", (text, canonical) => {
    const parsed = parsePrefix(text);
    expect(parsed.ok && parsed.value.text).toBe(canonical);
  });

  it("names the network when host bits are set", () => {
    const parsed = parsePrefix("10.96.1.0/12");
    expect(!parsed.ok && parsed.reason).toBe("10.96.1.0/12 has host bits set; the network is 10.96.0.0/12");
  });

  it.each(["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "::/129", "10.0.0.0/-1", "10.0.0.0/1e1"])("refuses %j", (text) =>
    expect(parsePrefix(text).ok).toBe(false),
  );
});

describe("prefixes", () => {
  it("contain addresses of their own family alone", () => {
    expect(prefixContains(prefix("10.0.0.0/8"), address("10.255.255.255"))).toBe(true);
    expect(prefixContains(prefix("10.0.0.0/8"), address("11.0.0.0"))).toBe(false);
    expect(prefixContains(prefix("::/0"), address("10.0.0.1"))).toBe(false);
    expect(prefixContains(prefix("fd00::/8"), address("fdff::1"))).toBe(true);
  });

  it("cover what is inside them", () => {
    expect(prefixCovers(prefix("10.0.0.0/8"), prefix("10.1.0.0/16"))).toBe(true);
    expect(prefixCovers(prefix("10.1.0.0/16"), prefix("10.0.0.0/8"))).toBe(false);
  });

  it("are sorted and freed of those that others cover", () => {
    const list = ["10.1.0.0/16", "fd00::/8", "10.0.0.0/8", "192.0.2.0/24", "10.0.0.0/8", "192.0.2.128/25"].map(prefix);
    expect(withoutCovered(list).map((kept) => kept.text)).toEqual(["10.0.0.0/8", "192.0.2.0/24", "fd00::/8"]);
  });

  it("keep every address that the full list contains", () => {
    const prefixes = fc.array(fc.tuple(bits4, fc.integer({ min: 0, max: 32 })), { maxLength: 12 });
    fc.assert(
      fc.property(prefixes, bits4, (pairs, bits) => {
        const list = pairs.map(([base, length]) =>
          prefix(
            `${addressFromBits("ipv4", length === 0 ? 0n : (base >> BigInt(32 - length)) << BigInt(32 - length)).text}/${length}`,
          ),
        );
        const probe = addressFromBits("ipv4", bits);
        const inAny = (some: readonly ReturnType<typeof prefix>[]) => some.some((one) => prefixContains(one, probe));
        return inAny(list) === inAny(withoutCovered(list));
      }),
    );
  });
});

it("orders IPv4 before IPv6, then by number", () => {
  const sorted = ["::1", "10.0.0.10", "10.0.0.9", "9.0.0.0"].map(address).sort(compareAddresses);
  expect(sorted.map((one) => one.text)).toEqual(["9.0.0.0", "10.0.0.9", "10.0.0.10", "::1"]);
});

it("knows loopback", () => {
  expect(["127.0.0.1", "127.255.0.1", "::1"].map((text) => isLoopback(address(text)))).toEqual([true, true, true]);
  expect(["128.0.0.1", "::2"].map((text) => isLoopback(address(text)))).toEqual([false, false]);
});
