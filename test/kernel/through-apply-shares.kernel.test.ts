import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { labTrouble, nodeTools, skipFor } from "../support/kernel.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";
import { scenesOf, tryShares } from "../support/through-apply.ts";
import { openWeirNode, type WeirNode, ways } from "../support/weir-node.ts";

const connections = 200;
const fixtures = ["01-plain-tcp", "07-weights", "31-external-policy-local"];

let test: TestPool | null = null;
let node: WeirNode | null = null;
let trouble: string | null = null;

beforeAll(async () => {
  trouble = await labTrouble(nodeTools);
  if (trouble !== null) return;
  test = await openTestPool();
  node = await openWeirNode(test);
});

afterAll(async () => {
  await node?.close();
  await test?.close();
});

describe.each(["nftables", "iptables-nft", "iptables-legacy"] as const)("shares after weir apply, %s", (name) => {
  for (const scene of fixtures.flatMap(scenesOf)) {
    it(`${scene.fixture} on ${scene.node}: ${connections} connections of each client are spread by weight`, async (context) => {
      if (test === null || node === null || trouble !== null) return skipFor(context, trouble ?? "no lab");
      const { rows, wrong } = await tryShares(node, test.pool, ways[name], scene, connections);
      expect(wrong).toEqual([]);
      expect(rows).toBeGreaterThan(0);
    });
  }
});
