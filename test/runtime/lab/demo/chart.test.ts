import { describe, expect, it } from "vitest";
import { barChart, drawBar, formatSize, isPlausible } from "../../../../runtime/lab/demo/chart.ts";

describe("barChart", () => {
  it("shows shares as bars with a tick at what was expected", () => {
    const lines = barChart([
      { label: "10.244.1.5:8080", expected: 0.75, count: 60 },
      { label: "10.244.2.7:80", expected: 0.25, count: 20 },
    ]);
    expect(lines).toEqual([
      `10.244.1.5:8080  expected  75%  measured  75%  ${"█".repeat(26)}┃${"·".repeat(9)} 60`,
      `10.244.2.7:80    expected  25%  measured  25%  ${"█".repeat(8)}┃${"·".repeat(27)} 20`,
    ]);
  });

  it("marks an endpoint that nobody reached, and one of which nothing is promised", () => {
    expect(barChart([{ label: "a", expected: 1, count: 0 }])).toEqual([
      `a  expected 100%  measured   0%  ${"·".repeat(35)}┃ 0`,
    ]);
    expect(barChart([{ label: "a", expected: null, count: 1 }])).toEqual([
      `a  expected    ?  measured 100%  ${"█".repeat(36)} 1`,
    ]);
  });

  it("has equal ticks for equal shares, whatever was measured", () => {
    const ticks = [20, 30, 40].map((count) =>
      barChart([
        { label: "a", expected: 0.5, count },
        { label: "b", expected: 0.5, count: 60 - count },
      ]).map((line) => line.indexOf("┃")),
    );
    expect(new Set(ticks.flat()).size).toBe(1);
  });

  it("is as wide for every share", () => {
    for (const share of [0, 0.001, 0.5, 0.999, 1]) {
      for (const expected of [0, 0.3, 1, null]) expect([...drawBar(share, expected, 1)]).toHaveLength(36);
    }
  });
});

describe("isPlausible", () => {
  it.each([
    [50, 100, 0.5, true],
    [75, 100, 0.5, true],
    [90, 100, 0.5, false],
    [0, 100, 0.5, false],
    [100, 100, 1, true],
    [98, 100, 1, false],
    [0, 10, 0.01, true],
  ])("%i of %i for a share of %d: %s", (count, total, share, plausible) => {
    expect(isPlausible(count, total, share)).toBe(plausible);
  });
});

it.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [19_500_000, "19.5 MB"],
])("formatSize(%i) is %s", (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});
