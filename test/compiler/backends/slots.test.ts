import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { slotOrder } from "../../../compiler/backends/slots.ts";
import type { IrEndpoint } from "../../../compiler/ir/ir.ts";
import { endpoint } from "../../support/ir.ts";

function endpoints(numbers: readonly number[]): readonly IrEndpoint[] {
  return [...numbers].sort((a, b) => a - b).map((n) => endpoint(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}:8080`));
}

function textsOf(order: readonly IrEndpoint[]): readonly string[] {
  return order.map((one) => `${one.address.text}:${one.port}`);
}

const distinct = (least: number, most: number) =>
  fc.uniqueArray(fc.integer({ min: 1, max: 0xffffff }), { minLength: least, maxLength: most });

const runs = { seed: 20261122, numRuns: 300 };

describe("slot order", () => {
  it("holds every endpoint once", () => {
    fc.assert(
      fc.property(distinct(0, 200), (numbers) => {
        const given = endpoints(numbers);
        expect([...textsOf(slotOrder(given))].sort()).toEqual([...textsOf(given)].sort());
      }),
      runs,
    );
  });

  it("does not depend on the order in which endpoints are given", () => {
    fc.assert(
      fc.property(distinct(2, 100), (numbers) => {
        const given = endpoints(numbers);
        expect(textsOf(slotOrder([...given].reverse()))).toEqual(textsOf(slotOrder(given)));
      }),
      runs,
    );
  });

  it.each([
    { size: 8, mean: 2.6, most: 6 },
    { size: 16, mean: 3.2, most: 9 },
    { size: 150, mean: 8, most: 24 },
  ])("moves few of $size endpoints when one is replaced", ({ size, mean, most }) => {
    const moved: number[] = [];
    fc.assert(
      fc.property(distinct(size + 1, size + 1), (numbers) => {
        const before = textsOf(slotOrder(endpoints(numbers.slice(1))));
        const after = textsOf(slotOrder(endpoints(numbers.slice(0, -1))));
        moved.push(before.filter((text, slot) => text !== after[slot]).length);
      }),
      runs,
    );
    expect(moved.reduce((sum, count) => sum + count, 0) / moved.length).toBeLessThan(mean);
    expect(Math.max(...moved)).toBeLessThanOrEqual(most);
  });
});
