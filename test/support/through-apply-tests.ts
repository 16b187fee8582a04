import { afterAll, beforeAll, expect, it } from "vitest";
import type { LoaderName } from "../../runtime/lab/loaders.ts";
import { isTriable, usualTrial } from "../../runtime/lab/trial.ts";
import { fixtureNames } from "./fixtures.ts";
import { labTrouble, nodeTools, skipFor, troubleWith } from "./kernel.ts";
import { openTestPool, type TestPool } from "./lab.ts";
import { type Scene, scenesOf, tryScene } from "./through-apply.ts";
import { openWeirNode, type Way, type WeirNode } from "./weir-node.ts";

/** The tools that a way needs are those of the loader that does the same by hand. */
function loaderOf(way: Way): LoaderName {
  if (way.backend === "nftables") return "nftables";
  return way.args.includes("legacy") ? "iptables-legacy" : "iptables-nft";
}

const options = { trial: usualTrial, isThorough: true, cleansUp: true } as const;

/**
 * Defines the tests of one way, or of several in turn: each fixture is put on a node by `weir apply`, real connections go
 * where its packet tables say, a second apply finds nothing to do, and `weir cleanup` leaves nothing.
 */
export function testThroughApply(turns: readonly Way[]): void {
  let test: TestPool | null = null;
  let node: WeirNode | null = null;
  let trouble: string | null = null;
  let compared = 0;

  beforeAll(async () => {
    trouble = await labTrouble(nodeTools);
    if (trouble !== null) return;
    test = await openTestPool();
    for (const way of turns) trouble ??= await troubleWith(test.pool, loaderOf(way));
    node = await openWeirNode(test);
  });

  afterAll(async () => {
    await node?.close();
    await test?.close();
    const names = turns.map((way) => way.name).join(" and ");
    console.info(`${names}: the simulator and the kernel agree on ${compared} packets`);
  });

  /** What is wrong is wrong with one fixture; the next one gets a node without it. */
  const tryOnNode = async (pool: TestPool, way: Way, scene: Scene) => {
    node ??= await openWeirNode(pool);
    const report = await tryScene(node, pool.pool, way, scene, options);
    if (report.wrong.length > 0) {
      await node.close();
      node = null;
    }
    return report;
  };

  for (const [index, scene] of fixtureNames.flatMap(scenesOf).entries()) {
    const way = turns[index % turns.length];
    if (way === undefined) continue;
    const untried = scene.rows.filter((row) => !isTriable(row)).length;
    const note = untried === 0 ? "" : `, EXCEPT ${untried} SCTP rows (Node has no SCTP sockets)`;

    it(`${scene.fixture} on ${scene.node} by ${way.name}: ${scene.rows.length - untried} rows${note}`, async (context) => {
      if (test === null || trouble !== null) return skipFor(context, trouble ?? "no lab");
      const report = await tryOnNode(test, way, scene);
      const { refusal, wrong, tried } = report;
      if (refusal !== null) return context.skip(refusal);
      expect(wrong).toEqual([]);
      compared += report.compared;
      expect(report.compared).toBe(tried);
      expect(tried).toBe(scene.rows.length - untried);
    });
  }
}
