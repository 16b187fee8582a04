import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backendNames, loadBackend } from "../../compiler/backends/registry.ts";
import { textOf } from "../../compiler/backends/text.ts";
import { hasErrors } from "../../compiler/diagnostics/diagnostic.ts";
import type { NodeIr } from "../../compiler/ir/ir.ts";
import { specBlocks } from "../support/arbitraries.ts";
import { readBlocks } from "../support/random-specs.ts";

/** Thousands of runs, on machines that have other things to do. */
const timeout = 180_000;

/** Random specs through every backend. A run that fails prints its seed and path; put them here to play it again. */
const runs = { seed: 20261122, numRuns: 400 };

describe.each(backendNames)("%s", (name) => {
  it("reads back what it prints, whatever the spec", { timeout }, async () => {
    const backend = await loadBackend(name);
    let printed = 0;
    await fc.assert(
      fc.asyncProperty(specBlocks, async (blocks) => {
        const { program, diagnostics } = backend.lower(await readBlocks(blocks));
        if (hasErrors(diagnostics)) return;
        printed++;
        const files = new Map(backend.print(program).map((file) => [file.path, textOf(file)]));
        expect(backend.parse(files)).toEqual(program);
      }),
      runs,
    );
    expect(printed).toBeGreaterThan(runs.numRuns / 4);
  });

  it("names everything within its limits, each name once and for one service", { timeout }, async () => {
    const backend = await loadBackend(name);
    await fc.assert(
      fc.asyncProperty(specBlocks, async (blocks) => {
        const ir = await readBlocks(blocks);
        const { program, diagnostics } = backend.lower(ir);
        if (hasErrors(diagnostics)) return;
        const known = new Map<string, string | null>();
        for (const { name: object, key } of backend.names(program)) {
          expect(known.get(object) ?? key, object).toBe(key);
          known.set(object, key);
        }
        const keys = new Set(keysOf(ir));
        for (const key of known.values()) if (key !== null) expect(keys).toContain(key);
      }),
      { ...runs, numRuns: 100 },
    );
  });
});

function keysOf(ir: NodeIr): readonly string[] {
  return ir.services.flatMap((service) => service.frontends.map((frontend) => frontend.key));
}
