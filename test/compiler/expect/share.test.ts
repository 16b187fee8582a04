import { describe, expect, it } from "vitest";
import { formatShare, isPercent, sumOf } from "../../../compiler/expect/share.ts";
import { fraction } from "../../../compiler/net/fraction.ts";

describe("a percentage", () => {
  it.each([
    [1, 3, 33, true],
    [1, 3, 33.3, true],
    [1, 3, 33.3333, true],
    [1, 3, 33.4, false],
    [1, 3, 34, false],
    [2, 3, 67, true],
    [2, 3, 66, false],
    [1, 8, 12, true],
    [1, 8, 13, true],
    [1, 8, 12.5, true],
    [1, 8, 12.4, false],
    // a threshold of the kernel's 31 bits
    [715827883, 2147483648, 33.3333, true],
    [268435455, 2147483648, 13, true],
    [1, 1000, 0, false],
    [0, 1, 0, true],
    [999, 1000, 100, false],
    [1, 1, 100, true],
  ])("%i/%i is %d%%: %s", (numerator, denominator, percent, holds) => {
    expect(isPercent(fraction(numerator, denominator), percent)).toBe(holds);
  });

  it("is shown without calling a little nothing, or almost all everything", () => {
    expect(
      [fraction(1, 3), fraction(1, 1_000_000), fraction(999_999, 1_000_000), fraction(1, 1), null].map(formatShare),
    ).toEqual(["33.33%", "less than 0.01%", "more than 99.99%", "100%", "an unknown share"]);
  });

  it("is not known of a sum with a part that is not", () => {
    expect(sumOf([fraction(1, 2), null])).toBeNull();
    expect(sumOf([fraction(1, 2), fraction(1, 4)])).toEqual(fraction(3, 4));
  });
});
