import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { lowerNftables } from "../../compiler/backends/nftables/lower.ts";
import type { NftProgram } from "../../compiler/backends/nftables/program.ts";
import type { Host } from "../../runtime/host/host.ts";
import type { Agent } from "../../runtime/lab/agent-client.ts";
import { agentHost } from "../support/agent-host.ts";
import { specBlocks } from "../support/arbitraries.ts";
import { labTrouble, skipFor, troubleWith } from "../support/kernel.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";
import { applyTo, inputOf, observeNow, orNothing, restoreTo, tablesOf } from "../support/nft-plane.ts";
import { readBlocks } from "../support/random-specs.ts";
import { worldText } from "../support/random-worlds.ts";

/** More and other specs for a search: WEIR_RANDOM_SEED, WEIR_RANDOM_RUNS. */
const seed = Number(process.env.WEIR_RANDOM_SEED ?? 20261122);
const runs = Number(process.env.WEIR_RANDOM_RUNS ?? 24);

let test: TestPool | null = null;
let trouble: string | null = null;
let node: Agent | null = null;

beforeAll(async () => {
  trouble = await labTrouble();
  if (trouble !== null) return;
  test = await openTestPool();
  trouble = await troubleWith(test.pool, "nftables");
});

afterAll(() => test?.close());

beforeEach(async () => {
  if (test !== null && trouble === null) node = await test.pool.node();
});

afterEach(async () => {
  if (test !== null && node !== null) await test.pool.end(node);
  node = null;
});

interface Scene {
  readonly node: Agent;
  readonly host: Host;
}

/** A namespace of its own; null: skipped. */
function scene(context: { skip: (note?: string) => void }): Scene | null {
  if (node !== null) return { node, host: agentHost(node) };
  skipFor(context, trouble ?? "no lab");
  return null;
}

describe("from one random program to another, in one transaction", () => {
  it(`${runs} small specs, each from the one before, back, and to nothing`, { timeout: 900_000 }, async (context) => {
    const at = scene(context);
    if (at === null) return;
    const texts = fc.sample(worldText, { seed, numRuns: Math.ceil(runs / 2) });
    const blocks = fc.sample(specBlocks, { seed, numRuns: Math.floor(runs / 2) });
    const programs: readonly NftProgram[] = [
      ...(await Promise.all(texts.map(tablesOf))),
      ...(await Promise.all(blocks.map(async (each) => lowerNftables(await readBlocks(each)).program))),
    ];
    for (const [index, program] of programs.entries()) {
      const before = await observeNow(at.host);
      const steps = await applyTo(at.host, program);
      const now = await observeNow(at.host);
      expect(now.program, `spec ${index}\n${inputOf(steps)}`).toEqual(orNothing(program));
      expect(now.foreign).toEqual([]);
      expect(await applyTo(at.host, program)).toEqual([]);
      const back = await restoreTo(at.host, before);
      expect((await observeNow(at.host)).program, `back from spec ${index}\n${inputOf(back)}`).toEqual(before.program);
      await applyTo(at.host, index % 7 === 6 ? null : program);
    }
    await applyTo(at.host, null);
    expect(await at.node.run(["nft", "list", "ruleset"])).toBe("");
  });
});
