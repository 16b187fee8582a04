import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  classRange,
  endpointNumbers,
  endpointRange,
  fitsSlots,
  slotBase,
  slotsOf,
} from "../../../../compiler/backends/nftables/slots.ts";
import type { IrPool } from "../../../../compiler/ir/ir.ts";
import { pool } from "../../../support/ir.ts";

interface Member {
  readonly host: number;
  readonly weight: number;
}

function poolOf(members: readonly Member[]): IrPool {
  return pool(
    "cluster",
    members.map(({ host, weight }) => `10.${(host >> 16) & 255}.${(host >> 8) & 255}.${host & 255}:8080 x${weight}`),
  );
}

/** The endpoint that owns each slot. */
function owners(of: IrPool): readonly string[] {
  const result: string[] = [];
  slotsByEndpoint(of).forEach((slots, index) => {
    for (const slot of slots) result[slot] = of.endpoints[index]?.address.text ?? "";
  });
  return result;
}

function slotsByEndpoint(of: IrPool): readonly (readonly number[])[] {
  const slots = [...slotsOf(of)];
  return of.endpoints.map(({ weight }) => slots.splice(0, weight));
}

function moved(before: IrPool, after: IrPool): number {
  const [a, b] = [owners(before), owners(after)];
  return b.filter((owner, slot) => owner !== a[slot]).length;
}

const members = (maxLength: number, weights: fc.Arbitrary<number>) =>
  fc.uniqueArray(fc.record({ host: fc.integer({ min: 1, max: 0xfffffe }), weight: weights }), {
    selector: ({ host }) => host,
    minLength: 1,
    maxLength,
  });

describe("slotsOf", () => {
  it("gives each endpoint as many slots as its weight, all slots once, ascending", () => {
    fc.assert(
      fc.property(members(20, fc.integer({ min: 1, max: 30 })), (list) => {
        const of = poolOf(list);
        const slots = slotsOf(of);
        expect(slots).toHaveLength(of.totalWeight);
        for (const own of slotsByEndpoint(of)) expect(own).toEqual([...own].sort((a, b) => a - b));
        expect([...slots].sort((a, b) => a - b)).toEqual(Array.from({ length: of.totalWeight }, (_, slot) => slot));
      }),
      { seed: 11 },
    );
  });

  it("does not depend on the order in which endpoints are given", () => {
    const list = Array.from({ length: 40 }, (_, index) => ({ host: index * 7 + 1, weight: 1 + (index % 3) }));
    expect(owners(poolOf([...list].reverse()))).toEqual(owners(poolOf(list)));
  });

  it("moves few slots when one endpoint of eight is replaced", () => {
    let most = 0;
    let sum = 0;
    const rounds = 400;
    for (let round = 0; round < rounds; round++) {
      const hosts = Array.from({ length: 9 }, (_, index) => round * 1000 + index * 37 + 1);
      const before = poolOf(hosts.slice(0, 8).map((host) => ({ host, weight: 1 })));
      const after = poolOf(hosts.slice(1).map((host) => ({ host, weight: 1 })));
      const count = moved(before, after);
      most = Math.max(most, count);
      sum += count;
    }
    expect(most).toBeLessThanOrEqual(6);
    expect(sum / rounds).toBeLessThan(3);
  });

  it("moves few slots when a pool grows by one", () => {
    for (let count = 1; count < 15; count++) {
      const hosts = Array.from({ length: count + 1 }, (_, index) => ({ host: index * 101 + count, weight: 1 }));
      expect(moved(poolOf(hosts.slice(0, count)), poolOf(hosts))).toBeLessThanOrEqual(6);
    }
  });
});

describe("endpointNumbers", () => {
  it("are distinct, within 23 bits, and stay when others come and go", () => {
    const list = Array.from({ length: 3000 }, (_, host) => ({ host: host + 1, weight: 1 }));
    const all = poolOf(list);
    const numbers = endpointNumbers(all);
    expect(new Set(numbers).size).toBe(3000);
    expect(Math.max(...numbers)).toBeLessThan(2 ** 23);
    const some = poolOf(list.filter(({ host }) => host % 2 === 0));
    const kept = endpointNumbers(some).filter((number, index) => {
      const text = some.endpoints[index]?.address.text;
      return number === numbers[all.endpoints.findIndex(({ address }) => address.text === text)];
    });
    // Only endpoints whose hashes met may change: one pair or so of 3,000 in 2^23.
    expect(kept.length).toBeGreaterThanOrEqual(1497);
  });
});

describe("class ids", () => {
  it("keep pools, slots and numbers apart, inside the range that postrouting takes back", () => {
    for (const pool of [1, 2, 3] as const) {
      const { first, last } = endpointRange(pool);
      expect(slotBase(pool)).toBeGreaterThanOrEqual(classRange.first);
      expect(first).toBe(slotBase(pool) + 2 ** 23);
      expect(last).toBe(slotBase(pool) + 2 ** 24 - 1);
      expect(last).toBeLessThanOrEqual(classRange.last);
    }
  });

  it("have room for every pool that uses slots", () => {
    expect(fitsSlots(poolOf([{ host: 1, weight: 1 }]))).toBe(true);
    const heavy = { ...poolOf([{ host: 1, weight: 1 }]), totalWeight: 1025 };
    expect(fitsSlots(heavy)).toBe(false);
    expect(fitsSlots({ ...heavy, totalWeight: 1024 })).toBe(true);
  });
});
