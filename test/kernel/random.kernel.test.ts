import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loaderNames } from "../../runtime/lab/loaders.ts";
import { labTrouble, skipFor, troubleWith } from "../support/kernel.ts";
import { backendOf, compileSpec } from "../support/kernel-fixtures.ts";
import { tryFixture } from "../support/kernel-traffic.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";
import { readText } from "../support/random-specs.ts";
import { rowsOf, worldText } from "../support/random-worlds.ts";

/** More and other specs for a search: WEIR_RANDOM_SEED, WEIR_RANDOM_RUNS. */
const seed = Number(process.env.WEIR_RANDOM_SEED ?? 20261122);
const runs = Number(process.env.WEIR_RANDOM_RUNS ?? 2);
const rowsOfOne = Number(process.env.WEIR_RANDOM_ROWS ?? 100);

let test: TestPool | null = null;
let trouble: string | null = null;

beforeAll(async () => {
  trouble = await labTrouble();
  if (trouble === null) test = await openTestPool();
});

afterAll(async () => {
  await test?.close();
});

describe("random specs in real kernels", () => {
  for (const [index, text] of fc.sample(worldText, { seed, numRuns: runs }).entries()) {
    for (const loader of loaderNames) {
      it(`${loader}, spec ${index} of seed ${seed}`, async (context) => {
        trouble ??= test === null ? null : await troubleWith(test.pool, loader);
        if (test === null || trouble !== null) return skipFor(context, trouble ?? "no lab");
        const compiled = await compileSpec(await readText(text), "worker-1", backendOf(loader));
        if (compiled.refusal !== null) return context.skip(compiled.refusal);
        const rows = rowsOf(compiled.ir, rowsOfOne);
        const { wrong, tried } = await tryFixture(test.pool, loader, compiled, rows);
        expect(wrong, text).toEqual([]);
        expect(tried).toBe(rows.length);
      });
    }
  }
});
