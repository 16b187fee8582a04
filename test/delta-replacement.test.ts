import { diffArrays } from "diff";
import { expect, it } from "vitest";
import { backendNames } from "../compiler/backends/registry.ts";
import { textOf } from "../compiler/backends/text.ts";
import { compileBackend, irOf } from "../compiler/pipeline.ts";
import { readText } from "./support/random-specs.ts";

/** Eight endpoints are what services of a large cluster have; each of them is replaced by each of some addresses. */
const endpoints = Array.from({ length: 8 }, (_, index) => `10.244.${index}.5`);
const replacements = Array.from({ length: 25 }, (_, index) => `10.24${index % 2 === 0 ? 3 : 5}.${index}.9`);
const most = 12;

async function linesFor(addresses: readonly string[], setting: string): Promise<ReadonlyMap<string, string[]>> {
  const spec = await readText(
    [
      "cluster {\n  pods 10.244.0.0/16\n}",
      `service shop/web {\n  vip 10.96.0.10\n${setting}  port http tcp 80`,
      ...addresses.map((address) => `  endpoint ${address}`),
      "}\n",
    ].join("\n"),
  );
  const { ir } = irOf(spec, "worker-1");
  const lines = new Map<string, string[]>();
  for (const backend of backendNames) {
    const { files } = await compileBackend(ir, backend);
    lines.set(
      backend,
      files.flatMap((file) => textOf(file).split("\n")),
    );
  }
  return lines;
}

it.each([
  ["plain", ""],
  ["sticky", "  affinity client-ip 3h\n"],
])("replacing any endpoint of a %s service changes few lines", async (_, setting) => {
  const before = await linesFor(endpoints, setting);
  for (const [index, old] of endpoints.entries()) {
    for (const replacement of replacements) {
      const after = await linesFor(endpoints.with(index, replacement), setting);
      for (const backend of backendNames) {
        const parts = diffArrays(before.get(backend) ?? [], after.get(backend) ?? []);
        const changed = parts.reduce((sum, part) => sum + (part.added || part.removed ? part.count : 0), 0);
        expect(changed, `${backend}: ${old} replaced by ${replacement}`).toBeGreaterThan(0);
        expect(changed, `${backend}: ${old} replaced by ${replacement}`).toBeLessThanOrEqual(most);
      }
    }
  }
});
