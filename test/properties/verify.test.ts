import fc from "fast-check";
import { expect, it } from "vitest";
import { backendNames } from "../../compiler/backends/registry.ts";
import { hasErrors } from "../../compiler/diagnostics/diagnostic.ts";
import { compileBackend } from "../../compiler/pipeline.ts";
import { verifyFiles } from "../../compiler/verify/verify.ts";
import { specBlocks } from "../support/arbitraries.ts";
import { readBlocks } from "../support/random-specs.ts";

it.each(backendNames)(
  "%s does what is decided, for random specs and all packets",
  { timeout: 120_000 },
  async (backend) => {
    await fc.assert(
      fc.asyncProperty(specBlocks, async (blocks) => {
        const ir = await readBlocks(blocks);
        const { files, diagnostics } = await compileBackend(ir, backend);
        if (hasErrors(diagnostics)) return;
        const { differences } = await verifyFiles(ir, backend, files, { mostDifferences: 1 });
        expect(differences).toEqual([]);
      }),
      { numRuns: 50, seed: 20261201 },
    );
  },
);
