import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Agent } from "../../runtime/lab/agent-client.ts";
import { usualTrial } from "../../runtime/lab/trial.ts";
import { foreignNftables, foreignRules, withoutWeirs } from "../support/foreign-rules.ts";
import { labTrouble, nodeTools, skipFor, troubleWith } from "../support/kernel.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";
import { applyScene, type Scene, scenesOf, tryRowsOf } from "../support/through-apply.ts";
import { complaintAboutEnd, openWeirNode, type Way, type WeirNode, ways } from "../support/weir-node.ts";

let test: TestPool | null = null;
let trouble: string | null = null;

beforeAll(async () => {
  trouble = await labTrouble(nodeTools);
  if (trouble !== null) return;
  test = await openTestPool();
  for (const loader of ["nftables", "iptables-nft", "iptables-legacy"] as const) {
    trouble ??= await troubleWith(test.pool, loader);
  }
});

afterAll(async () => {
  await test?.close();
});

/** Everything that is not weir's, as the tools of both flavours and nft list it. */
async function foreignListing(agent: Agent): Promise<string> {
  const texts: string[] = [];
  for (const flavour of ["nft", "legacy"]) {
    for (const tool of ["iptables", "ip6tables"]) {
      texts.push(withoutWeirs(await agent.run([`${tool}-${flavour}-save`])));
    }
  }
  for (const table of [
    ["inet", "firewalld"],
    ["ip", "office"],
  ]) {
    texts.push(await agent.run(["nft", "list", "table", ...table]));
  }
  return texts.join("\n");
}

async function loadForeign(agent: Agent, flavour: "nft" | "legacy", names: readonly string[]): Promise<void> {
  for (const { name, iptables } of foreignRules) {
    if (!names.includes(name)) continue;
    await agent.run([`iptables-${flavour}-restore`, "--noflush"], iptables.ipv4);
    await agent.run([`ip6tables-${flavour}-restore`, "--noflush"], iptables.ipv6);
  }
  await agent.run(["nft", "-f", "-"], foreignNftables);
}

function sceneOf(fixture: string): Scene {
  const [scene] = scenesOf(fixture);
  if (scene === undefined) throw new Error(`${fixture} has no packet table`);
  return scene;
}

const handMade = "a firewall made by hand";
const first = sceneOf("47-dual-stack");
const second = sceneOf("31-external-policy-local");

interface Act {
  readonly title: string;
  act(node: WeirNode): ReturnType<WeirNode["weir"]>;
}

function applied(way: Way, scene: Scene): Act {
  return { title: `apply ${scene.fixture} by ${way.name}`, act: (node) => applyScene(node, way, scene) };
}

function actsOf(flavour: "nft" | "legacy"): readonly Act[] {
  const iptables = ways[`iptables-${flavour}`];
  const userspace = ways[`userspace-${flavour}`];
  return [
    applied(ways.nftables, first),
    applied(ways.nftables, second),
    applied(iptables, second),
    applied(iptables, first),
    { title: "rollback", act: (node) => node.weir("rollback") },
    applied(userspace, second),
    applied(ways.nftables, second),
    applied(iptables, second),
    { title: "cleanup", act: (node) => node.weir("cleanup") },
    { title: "cleanup again", act: (node) => node.weir("cleanup") },
  ];
}

describe.each(["nft", "legacy"] as const)("rules of others, in iptables-%s and nft", (flavour) => {
  it("are line by line what they were after every apply, move, rollback and cleanup", async (context) => {
    if (test === null || trouble !== null) return skipFor(context, trouble ?? "no lab");
    const node = await openWeirNode(test);
    try {
      await loadForeign(
        node.agent,
        flavour,
        foreignRules.map(({ name }) => name),
      );
      const before = await foreignListing(node.agent);
      expect(before).toContain("DOCKER-ISOLATION-STAGE-2");
      for (const { title, act } of actsOf(flavour)) {
        expect(complaintAboutEnd(title, await act(node))).toBeNull();
        expect(await foreignListing(node.agent), title).toBe(before);
      }
    } finally {
      await node.close();
    }
  }, 120_000);

  it.each([ways.nftables, ways[`iptables-${flavour}`]])(
    "of an administrator do not stop services, by $name",
    async (way) => {
      if (test === null || trouble !== null) return;
      const node = await openWeirNode(test);
      try {
        await loadForeign(node.agent, flavour, [handMade]);
        expect(await tryRowsOf(node, test.pool, way, second, { ...usualTrial })).toEqual([]);
      } finally {
        await node.close();
      }
    },
  );
});
