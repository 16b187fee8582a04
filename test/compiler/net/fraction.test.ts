import fc from "fast-check";
import { expect, it } from "vitest";
import { add, fraction, multiply, one, zero } from "../../../compiler/net/fraction.ts";

/** Shares as the kernel throws them, in units of 2^-31, and weights. */
const part = fc.tuple(fc.integer({ min: 0, max: 2 ** 31 }), fc.constantFrom(2 ** 31, 12, 65536, 7, 1));
const parts = fc.array(part, { minLength: 1, maxLength: 9 });

it("lowest terms, whatever the numbers are", () => {
  const table: readonly (readonly [bigint, bigint, bigint, bigint])[] = [
    [0n, 5n, 0n, 1n],
    [0n, 2n ** 200n, 0n, 1n],
    [6n, -4n, -3n, 2n],
    [-6n, -4n, 3n, 2n],
    [7n, 1n, 7n, 1n],
    [2n ** 90n, 2n ** 93n, 1n, 8n],
    [3n * 2n ** 90n, 2n ** 80n, 3n * 2n ** 10n, 1n],
    [3n ** 60n, 3n ** 58n * 5n, 9n, 5n],
  ];
  for (const [n, d, numerator, denominator] of table) expect(fraction(n, d)).toEqual({ numerator, denominator });
  expect(() => fraction(1, 0)).toThrow(RangeError);
});

it("products and sums are exact and in lowest terms", () => {
  fc.assert(
    fc.property(parts, (list) => {
      const product = list.reduce((all, [n, d]) => multiply(all, fraction(n, d)), one);
      expect(product).toEqual(
        slowly(
          list.reduce((all, [n]) => all * BigInt(n), 1n),
          denominatorOf(list),
        ),
      );
      const sum = list.reduce((all, [n, d]) => add(all, fraction(n, d)), zero);
      const common = denominatorOf(list);
      expect(sum).toEqual(
        slowly(
          list.reduce((all, [n, d]) => all + (BigInt(n) * common) / BigInt(d), 0n),
          common,
        ),
      );
    }),
    { numRuns: 200, seed: 20261201 },
  );
});

function denominatorOf(list: readonly (readonly [number, number])[]): bigint {
  return list.reduce((all, [, d]) => all * BigInt(d), 1n);
}

/** By Euclid alone. */
function slowly(numerator: bigint, denominator: bigint) {
  let [x, y] = [numerator, denominator];
  while (y !== 0n) [x, y] = [y, x % y];
  return { numerator: numerator / x, denominator: denominator / x };
}
