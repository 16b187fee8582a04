import { describe, expect, it } from "vitest";
import { allocateMarks, markLayout } from "../../../../compiler/backends/ipvs/names.ts";

const marks = { masquerade: 0x4000, drop: 0x8000, reject: 0x1000 };
const layout = markLayout(marks);

describe("marks", () => {
  it("use the highest bits below 31 that the cluster leaves free", () => {
    expect(layout).toMatchObject({ deliver: 2 ** 30, byMark: 2 ** 29, refused: 0x20001000, own: 0x6000d000 });
    const moved = markLayout({ masquerade: 2 ** 30, drop: 2 ** 31, reject: 1 });
    expect(moved).toMatchObject({ deliver: 2 ** 29, byMark: 2 ** 28, own: 0xf0000001 });
  });

  it("of virtual servers differ and have none of the cluster's bits", () => {
    const identities = Array.from({ length: 20_000 }, (_, at) => `10.96.${at >> 8}.${at & 255} tcp 80 cluster`);
    const values = [...allocateMarks(identities, layout).values()];
    expect(new Set(values).size).toBe(identities.length);
    for (const value of values) {
      expect(value & 0xd000).toBe(0);
      expect(value & 0x60000000).toBe(0x60000000);
      expect(value).toBeLessThan(2 ** 31);
    }
  });

  it("do not depend on the others, nor on their order", () => {
    const few = allocateMarks(["a", "c"], layout);
    const more = allocateMarks(["c", "b", "a"], layout);
    expect(more.get("a")).toBe(few.get("a"));
    expect(more.get("c")).toBe(few.get("c"));
    expect(() => allocateMarks(["a", "a"], layout)).toThrow("two virtual servers are called a");
  });

  it("take the next free one when two hashes meet", () => {
    const narrow = { ...layout, own: 0x7ffffffc };
    const values = [...allocateMarks(["a", "b", "c", "d"], narrow).values()].map((value) => value & 3);
    expect([...values].sort()).toEqual([0, 1, 2, 3]);
  });
});
