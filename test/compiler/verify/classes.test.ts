import { expect, it } from "vitest";
import { generateWeir, nodeName } from "../../../bench/generate.ts";
import { backendNames, loadBackend } from "../../../compiler/backends/registry.ts";
import { loadSimulator } from "../../../compiler/backends/simulator.ts";
import { irOf } from "../../../compiler/pipeline.ts";
import { packetClasses } from "../../../compiler/verify/classes.ts";
import { readText } from "../../support/random-specs.ts";

/** All endpoints are on the node, so that whatever is made of them grows as well. */
async function classCounts(services: number): Promise<ReadonlyMap<string, number>> {
  const { ir } = irOf(await readText(generateWeir({ services, endpoints: 8, nodes: 1 })), nodeName(0));
  const counts = new Map<string, number>();
  for (const name of backendNames) {
    const { conditions } = await loadSimulator(name);
    const { program } = (await loadBackend(name)).lower(ir);
    counts.set(name, [...packetClasses(ir, conditions(program))].length);
  }
  return counts;
}

it("classes grow with the services, and not with their square", async () => {
  const [few, many] = [await classCounts(50), await classCounts(200)];
  for (const name of backendNames) {
    const [before, after] = [few.get(name) ?? 0, many.get(name) ?? 0];
    expect(before, name).toBeGreaterThan(50);
    expect(after / before, name).toBeLessThan(4.2);
  }
});
