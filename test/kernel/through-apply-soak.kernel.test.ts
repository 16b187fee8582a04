import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loaderNames } from "../../runtime/lab/loaders.ts";
import { labTrouble, nodeTools, skipFor, troubleWith } from "../support/kernel.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";
import { describeSoak, type SoakOptions, soak } from "../support/soak.ts";
import { ways } from "../support/weir-node.ts";

/** For a longer search: WEIR_SOAK_APPLIES of each way, WEIR_SOAK_SEED. */
const applies = Number(process.env.WEIR_SOAK_APPLIES ?? 100);
const seed = Number(process.env.WEIR_SOAK_SEED ?? 20261122);
const limitMs = 60_000 + applies * 3000;
const pace = { pauseMs: 20, longPauseMs: 80, timeoutMs: 10_000, restMs: 300 } as const;

let test: TestPool | null = null;
let trouble: string | null = null;

beforeAll(async () => {
  trouble = await labTrouble(nodeTools);
  if (trouble !== null) return;
  test = await openTestPool();
  for (const loader of loaderNames) trouble ??= await troubleWith(test.pool, loader);
});

afterAll(async () => {
  await test?.close();
});

async function soaked(context: { skip: (note?: string) => void }, moves: SoakOptions["moves"]): Promise<void> {
  if (test === null || trouble !== null) return skipFor(context, trouble ?? "no lab");
  const report = await soak(test, { seed, moves, pace });
  console.info(`${moves.map(({ way }) => way.name).join(" -> ")}: ${describeSoak(report)}`);
  expect(report.failures.slice(0, 20)).toEqual([]);
  expect(report.connections).toBeGreaterThan(report.applies);
  expect(report.lasting).toBeGreaterThan(0);
}

describe("clients that connect all the time", () => {
  for (const name of loaderNames) {
    it(
      `lose no connection while endpoints come and go, ${name}`,
      (context) => soaked(context, [{ way: ways[name], applies }]),
      limitMs,
    );
  }

  for (const name of ["iptables-nft", "iptables-legacy"] as const) {
    it(
      `lose no connection while the node moves from ${name} to nftables and back, twice`,
      (context) => {
        const turns = [ways[name], ways.nftables, ways[name], ways.nftables, ways[name]];
        return soaked(
          context,
          turns.map((way) => ({ way, applies: Math.ceil(applies / 25) })),
        );
      },
      limitMs,
    );
  }
});
