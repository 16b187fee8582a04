import { describe, expect, it } from "vitest";
import { plausibleCounts } from "../../support/binomial.ts";

describe("how often something may happen", () => {
  it("is certain for what always or never happens", () => {
    expect(plausibleCounts(200, 0, 1e-6)).toEqual({ least: 0, most: 0 });
    expect(plausibleCounts(200, 1, 1e-6)).toEqual({ least: 200, most: 200 });
  });

  it("is as in tables of the distribution", () => {
    // of 10 coins, 0 and 10 heads have 1/1024 each, 1 and 9 have 10/1024 each
    expect(plausibleCounts(10, 0.5, 2 / 1023)).toEqual({ least: 1, most: 9 });
    expect(plausibleCounts(10, 0.5, 2 / 1025)).toEqual({ least: 0, most: 10 });
    expect(plausibleCounts(10, 0.5, 22 / 1023)).toEqual({ least: 2, most: 8 });
  });

  it("grows around the mean as the chance shrinks", () => {
    const usual = plausibleCounts(200, 0.25, 0.05);
    const rare = plausibleCounts(200, 0.25, 1e-6);
    expect(rare.least).toBeLessThan(usual.least);
    expect(rare.most).toBeGreaterThan(usual.most);
    expect(usual.least).toBeLessThan(50);
    expect(usual.most).toBeGreaterThan(50);
  });
});
