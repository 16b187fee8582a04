import { describe, expect, it } from "vitest";
import { backendNames } from "../../../compiler/backends/registry.ts";
import { hasErrors } from "../../../compiler/diagnostics/diagnostic.ts";
import { compileBackend, irOf } from "../../../compiler/pipeline.ts";
import { verifyFiles } from "../../../compiler/verify/verify.ts";
import { fixtureNames, fixturesFolder, loadInputs } from "../../support/fixtures.ts";

describe.each(fixtureNames)("%s", (name) => {
  const loaded = loadInputs(`${fixturesFolder}/${name}`);

  it.each(backendNames)("%s does what is decided with every packet", async (backend) => {
    const { spec } = await loaded;
    for (const { name: node } of spec.nodes) {
      const { ir } = irOf(spec, node);
      const { files, diagnostics } = await compileBackend(ir, backend);
      if (hasErrors(diagnostics)) continue;
      const report = await verifyFiles(ir, backend, files, { mostDifferences: 3 });
      expect(report.differences).toEqual([]);
      expect(report.classes).toBeGreaterThan(0);
    }
  });
});
