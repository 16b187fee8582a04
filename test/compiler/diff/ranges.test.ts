import { describe, expect, it } from "vitest";
import { rangesWithout } from "../../../compiler/diff/ranges.ts";
import { addressFromBits, type Prefix, parsePrefix, prefixContains } from "../../../compiler/net/address.ts";

function prefixes(texts: readonly string[] | null): readonly Prefix[] | null {
  if (texts === null) return null;
  return texts.map((text) => {
    const parsed = parsePrefix(text);
    if (!parsed.ok) throw new Error(parsed.reason);
    return parsed.value;
  });
}

function without(ranges: readonly string[] | null, others: readonly string[] | null): readonly string[] {
  const family = [...(ranges ?? []), ...(others ?? [])].some((text) => text.includes(":")) ? "ipv6" : "ipv4";
  return rangesWithout(family, prefixes(ranges), prefixes(others)).map(({ text }) => text);
}

describe("the addresses that are in one list and not in another", () => {
  it.each([
    [["10.0.0.0/23"], ["10.0.0.0/24"], ["10.0.1.0/24"]],
    [["10.0.0.0/24"], ["10.0.0.0/23"], []],
    [["10.0.0.0/30"], ["10.0.0.1/32"], ["10.0.0.0/32", "10.0.0.2/31"]],
    [null, ["0.0.0.0/1"], ["128.0.0.0/1"]],
    [null, null, []],
    [null, [], ["0.0.0.0/0"]],
    [["10.0.0.0/25", "10.0.0.128/25"], [], ["10.0.0.0/24"]],
    [["10.0.0.0/24", "10.0.2.0/24"], ["10.0.0.0/8"], []],
    [["fd00::/126"], ["fd00::3/128"], ["fd00::/127", "fd00::2/128"]],
    [["255.255.255.254/31"], ["255.255.255.255/32"], ["255.255.255.254/32"]],
  ] as const)("%j without %j", (ranges, others, expected) => {
    expect(without(ranges, others)).toEqual(expected);
  });

  it("is exact for every address of a small network", () => {
    const size = 16;
    const all = Array.from({ length: 5 }, (_, at) => 28 + at).flatMap((length) =>
      Array.from({ length: 2 ** (length - 28) }, (_, at) => `0.0.0.${at * 2 ** (32 - length)}/${length}`),
    );
    for (let seed = 1; seed < 400; seed++) {
      const pick = (step: number) => all.filter((_, at) => (at * step + seed) % 7 === 0);
      const [ranges, others] = [prefixes(pick(3)) ?? [], prefixes(pick(seed % 5)) ?? []];
      const rest = rangesWithout("ipv4", ranges, others);
      for (let bits = 0; bits < size; bits++) {
        const address = addressFromBits("ipv4", BigInt(bits));
        const isIn = (list: readonly Prefix[]) => list.filter((prefix) => prefixContains(prefix, address)).length;
        expect(isIn(rest)).toBe(isIn(ranges) > 0 && isIn(others) === 0 ? 1 : 0);
      }
    }
  });
});
