import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backendNames } from "../../compiler/backends/registry.ts";
import { hasErrors } from "../../compiler/diagnostics/diagnostic.ts";
import type { NodeIr } from "../../compiler/ir/ir.ts";
import { compileBackend } from "../../compiler/pipeline.ts";
import { describeDifference } from "../../compiler/verify/describe.ts";
import { verifyFiles } from "../../compiler/verify/verify.ts";
import { type SpecBlocks, smallSpecBlocks, specBlocks } from "../support/arbitraries.ts";
import { readBlocks } from "../support/random-specs.ts";

/** Specs in this run, of which each goes through four backends; WEIR_RANDOM_SPECS asks for more of them. */
const count = Number(process.env.WEIR_RANDOM_SPECS ?? "1000");

/** A run that fails prints its seed and path; put them here to play it again. */
const seed = Number(process.env.WEIR_RANDOM_SEED ?? "20261201");

/** Where one spec in so many has up to six services, which cost as much as ten small ones. */
const largeOnes = 20;

/** How many of the backends can do what the spec says; fails where one of them does anything else. */
async function verifyAll(ir: NodeIr): Promise<number> {
  let verified = 0;
  for (const backend of backendNames) {
    const { files, diagnostics } = await compileBackend(ir, backend);
    if (hasErrors(diagnostics)) continue;
    const { differences } = await verifyFiles(ir, backend, files, { mostDifferences: 1 });
    expect(differences.map(describeDifference)).toEqual([]);
    verified++;
  }
  return verified;
}

describe("random specs, all packets", () => {
  const kinds: readonly (readonly [string, fc.Arbitrary<SpecBlocks>, number])[] = [
    ["small", smallSpecBlocks, count - Math.ceil(count / largeOnes)],
    ["large", specBlocks, Math.ceil(count / largeOnes)],
  ];

  it.each(kinds)("%s ones: every backend does what is decided", { timeout: 1_000 * count }, async (_, blocks, runs) => {
    let verified = 0;
    await fc.assert(
      fc.asyncProperty(blocks, async (spec) => {
        verified += await verifyAll(await readBlocks(spec));
      }),
      { numRuns: runs, seed },
    );
    // a backend refuses a spec now and then, and not most of them
    expect(verified).toBeGreaterThan(runs * 3);
  });
});
