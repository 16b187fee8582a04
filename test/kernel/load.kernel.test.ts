import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkOnly, failureOf, type LoaderName, loaderNames, loadSteps } from "../../runtime/lab/loaders.ts";
import { fixtureNames, packetTables } from "../support/fixtures.ts";
import { labTrouble, skipFor, troubleWith } from "../support/kernel.ts";
import { backendOf, compileFixture } from "../support/kernel-fixtures.ts";
import { listLoaded } from "../support/kernel-listing.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";

const trouble = await labTrouble();
let test: TestPool | null = null;
const loaderTroubles = new Map<LoaderName, string | null>();

beforeAll(async () => {
  if (trouble !== null) return;
  test = await openTestPool();
  for (const loader of loaderNames) loaderTroubles.set(loader, await troubleWith(test.pool, loader));
});

afterAll(async () => {
  await test?.close();
});

const cases = fixtureNames.flatMap((name) =>
  [...new Set(packetTables(name).map(({ node }) => node))].map((node) => ({ name, node })),
);

describe.each(loaderNames)("%s", (loader) => {
  for (const { name, node } of cases) {
    it(`takes ${name} of ${node}, and lists what was loaded`, async (context) => {
      const missing = trouble ?? loaderTroubles.get(loader) ?? null;
      if (test === null || missing !== null) return skipFor(context, missing ?? "no lab");
      const { files, refusal } = await compileFixture(name, node, backendOf(loader));
      if (refusal !== null) return context.skip(refusal);
      const agent = await test.pool.node();
      try {
        for (const step of loadSteps(loader, files.keys())) {
          // nftables' file replaces its tables, so it may be loaded again; iptables' would add its jumps twice.
          const steps = loader === "nftables" ? [checkOnly(step), step, step] : [checkOnly(step), step];
          for (const { argv, file } of steps) {
            expect(failureOf(await agent.tryRun(argv, files.get(file))), argv.join(" ")).toBeNull();
          }
        }
        const { loaded, listed } = await listLoaded(agent, loader, files);
        expect(listed).toEqual(loaded);
      } finally {
        await test.pool.end(agent);
      }
    });
  }
});
