import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { diagnosticsPage, documentedStages, stagesOfCodes } from "./support/diagnostics-table.ts";

const path = "docs/diagnostics.md";

describe("the page of diagnostics", () => {
  it("lists every code as the code has it (npm run golden rewrites it)", () => {
    const page = diagnosticsPage();
    if (process.env.WEIR_GOLDEN === "write") writeFileSync(path, page);
    expect(readFileSync(path, "utf8")).toBe(page);
  });

  it("knows every stage", () => {
    expect([...stagesOfCodes()].filter((stage) => !documentedStages.has(stage))).toEqual([]);
  });

  it("shows no placeholder that went wrong", () => {
    expect(diagnosticsPage()).not.toMatch(/undefined|\[object|NaN|\n\|[^\n]*\| *\|/);
  });
});
