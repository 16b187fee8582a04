import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { IptablesProgram } from "../../compiler/backends/iptables/program.ts";
import { families } from "../../compiler/net/address.ts";
import type { Agent } from "../../runtime/lab/agent-client.ts";
import { iptablesPlane, rulesPlane } from "../../runtime/planes/iptables.ts";
import { agentHost } from "../support/agent-host.ts";
import { type ForeignRules, foreignNftables, foreignRules, withoutWeirs } from "../support/foreign-rules.ts";
import {
  applyTo,
  listingOf,
  observeNow,
  orNothing,
  type PlaneUse,
  restoreTo,
  rulesOf,
} from "../support/iptables-plane.ts";
import { labTrouble, skipFor, troubleWith } from "../support/kernel.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";
import { worldText } from "../support/random-worlds.ts";

/** More and other specs for a search: WEIR_RANDOM_SEED, WEIR_RANDOM_RUNS. */
const seed = Number(process.env.WEIR_RANDOM_SEED ?? 20261122);
const runs = Number(process.env.WEIR_RANDOM_RUNS ?? 4);
const flavours = ["nft", "legacy"] as const;

let test: TestPool | null = null;
let trouble: string | null = null;
let node: Agent | null = null;
let programs: readonly IptablesProgram[] = [];

beforeAll(async () => {
  trouble = await labTrouble();
  if (trouble !== null) return;
  test = await openTestPool();
  for (const flavour of flavours) trouble ??= await troubleWith(test.pool, `iptables-${flavour}`);
  const texts = fc.sample(worldText, { seed, numRuns: runs });
  // each spec as both backends serve it, one after the other: chains of the same names with other rules
  const both = await Promise.all(texts.map(rulesOf));
  programs = both.flatMap(({ iptables, userspace }) => [iptables, userspace]);
});

afterAll(() => test?.close());

beforeEach(async () => {
  if (test !== null && trouble === null) node = await test.pool.node();
});

afterEach(async () => {
  if (test !== null && node !== null) await test.pool.end(node);
  node = null;
});

interface Scene extends PlaneUse {
  readonly node: Agent;
}

/** A namespace, with the rules of others if any. null: skipped. */
async function scene(
  context: { skip: (note?: string) => void },
  flavour: "nft" | "legacy",
  others: readonly ForeignRules[] = [],
  plane = rulesPlane("main", flavour),
): Promise<Scene | null> {
  if (node === null || trouble !== null) {
    skipFor(context, trouble ?? "no namespace");
    return null;
  }
  for (const { iptables } of others) await loadOthers(node, flavour, iptables);
  return { node, host: agentHost(node), plane };
}

async function loadOthers(agent: Agent, flavour: "nft" | "legacy", texts: ForeignRules["iptables"]): Promise<void> {
  for (const family of families) {
    await agent.run([`${family === "ipv4" ? "iptables" : "ip6tables"}-${flavour}-restore`, "--noflush"], texts[family]);
  }
}

/** The program is there, nothing else of weir's is, and nothing is left to do. */
async function expectHeld(use: PlaneUse, program: IptablesProgram | null): Promise<void> {
  const now = await observeNow(use);
  expect(now.program).toEqual(program === null ? null : orNothing(program));
  expect(now.foreign).toEqual([]);
  expect(use.plane.plan(now, program)).toEqual([]);
}

function program(index: number): IptablesProgram {
  const found = programs[index];
  if (found === undefined) throw new Error(`there is no program ${index}`);
  return found;
}

describe.each(flavours)("the plane of iptables rules, flavour %s", (flavour) => {
  it.each(foreignRules)("goes from spec to spec and away again beside $name", async (others) => {
    const context = { skip: () => {} };
    const use = await scene(context, flavour, [others]);
    if (use === null) return;
    const before = await listingOf(use.node, flavour);
    const foreign = withoutWeirs(before);
    expect(foreign.length).toBeGreaterThan(100);
    for (const after of [...programs, null, ...programs.slice(0, 1), null]) {
      await applyTo(use, after);
      await expectHeld(use, after);
      expect(withoutWeirs(await listingOf(use.node, flavour))).toBe(foreign);
    }
    expect(withoutWeirs(await listingOf(use.node, flavour))).toBe(withoutWeirs(before));
    expect(await listingOf(use.node, flavour)).not.toMatch(/^[:-].*WEIR-[\w.-]*( - .*)?$/m);
  });

  it("sees the same with programs that it knows as without", async (context) => {
    const use = await scene(context, flavour);
    if (use === null) return;
    await applyTo(use, program(0));
    const blind = await observeNow(use);
    const now = await observeNow(use, [program(0)]);
    expect(now).toEqual(blind);
    expect(await observeNow(use, [program(1), program(3)])).toEqual(blind);
    const chains = program(0).ipv4?.tables[1]?.chains ?? [];
    expect(chains.length).toBeGreaterThan(3);
    expect(now.program?.ipv4?.tables[1]?.chains.every((chain, index) => chain === chains[index])).toBe(true);
  });

  it("knows rules that others have put into its chains, and takes them out", async (context) => {
    const use = await scene(context, flavour);
    if (use === null) return;
    const wanted = program(0);
    await applyTo(use, wanted);
    const tool = `iptables-${flavour}`;
    await use.node.run([tool, "-t", "nat", "-I", "WEIR-SERVICES", "-s", "198.51.100.9", "-j", "ACCEPT"]);
    await use.node.run([tool, "-A", "WEIR-VERDICTS", "-m", "limit", "--limit", "1/sec", "-j", "LOG"]);
    const blind = await observeNow(use);
    expect(blind.foreign).toMatchObject([{ place: "chain WEIR-VERDICTS of table filter (ipv4)" }]);
    const now = await observeNow(use, [wanted]);
    expect(now.foreign).toEqual([
      {
        place: "chain WEIR-VERDICTS of table filter (ipv4)",
        text: "-A WEIR-VERDICTS -m limit --limit 1/sec -j LOG",
      },
      {
        place: "chain WEIR-SERVICES of table nat (ipv4)",
        text: "-A WEIR-SERVICES -s 198.51.100.9/32 -j ACCEPT",
      },
    ]);
    expect(now.program).not.toEqual(wanted);
    const steps = await applyTo(use, wanted);
    expect(steps.flatMap((step) => step.operations.map(({ action, name }) => `${action} ${name}`))).toEqual([
      "replace iptables filter WEIR-VERDICTS",
      "replace iptables nat WEIR-SERVICES",
    ]);
    await expectHeld(use, wanted);
  });

  it.each([
    ["iptables -F", ["-F"]],
    ["iptables -F, -X", ["-F", "-X"]],
    ["iptables -t nat -F", ["-t", "nat", "-F"]],
    ["iptables -t nat -F, -X", ["-t", "nat", "-F", "-X"]],
    ["all tables flushed", ["-F", "-t", "nat", "-F", "-X"]],
  ])("repairs what %s has done, beside docker", async (_, words) => {
    const use = await scene({ skip: () => {} }, flavour, foreignRules.slice(0, 1));
    if (use === null) return;
    const wanted = program(0);
    await applyTo(use, wanted);
    let table: readonly string[] = [];
    for (const [index, word] of words.entries()) {
      if (word === "-t") table = ["-t", words[index + 1] ?? ""];
      else if (word.startsWith("-")) {
        for (const family of ["iptables", "ip6tables"]) await use.node.run([`${family}-${flavour}`, ...table, word]);
      }
    }
    const left = withoutWeirs(await listingOf(use.node, flavour));
    expect((await observeNow(use)).program).not.toEqual(wanted);
    await applyTo(use, wanted);
    await expectHeld(use, wanted);
    expect(withoutWeirs(await listingOf(use.node, flavour))).toBe(left);
  });

  it("puts back a jump that has slipped, is there twice, or is gone", async (context) => {
    const use = await scene(context, flavour, foreignRules.slice(0, 1));
    if (use === null) return;
    const wanted = program(0);
    const jump = ["OUTPUT", "-j", "WEIR-SERVICES"];
    const tool = [`iptables-${flavour}`, "-t", "nat"];
    const changes: readonly (readonly string[][])[] = [
      [["-I", "OUTPUT", "-d", "192.0.2.99", "-j", "ACCEPT"]],
      [["-A", ...jump]],
      [["-I", ...jump]],
      [["-D", ...jump]],
      [
        ["-D", ...jump],
        ["-A", ...jump],
        ["-A", ...jump],
      ],
    ];
    for (const change of changes) {
      await applyTo(use, wanted);
      for (const words of change) await use.node.run([...tool, ...words]);
      const others = withoutWeirs(await listingOf(use.node, flavour));
      const steps = await applyTo(use, wanted);
      expect(steps.flatMap((step) => step.operations.map(({ object, name }) => `${object} ${name}`))).toEqual([
        "jump iptables nat OUTPUT -> WEIR-SERVICES",
      ]);
      await expectHeld(use, wanted);
      expect(withoutWeirs(await listingOf(use.node, flavour))).toBe(others);
    }
  });

  it("leaves a chain empty that a rule of others refers to, and takes it up again", async (context) => {
    const use = await scene(context, flavour, foreignRules.slice(0, 1));
    if (use === null) return;
    const wanted = program(0);
    await applyTo(use, wanted);
    const reference = ["DOCKER-USER", "-s", "192.0.2.77/32", "-j", "WEIR-VERDICTS"];
    await use.node.run([`iptables-${flavour}`, "-I", ...reference]);
    const others = withoutWeirs(await listingOf(use.node, flavour));
    const seen = await observeNow(use);
    expect(seen.foreign).toEqual([
      { place: "chain DOCKER-USER of table filter (ipv4)", text: `-A ${reference.join(" ")}` },
    ]);
    expect(use.plane.plan(seen, wanted)).toEqual([]);
    await applyTo(use, null);
    const now = await observeNow(use);
    expect([now.program, use.plane.plan(now, null)]).toEqual([null, []]);
    expect(withoutWeirs(await listingOf(use.node, flavour))).toBe(others);
    await applyTo(use, wanted);
    expect((await observeNow(use)).program).toEqual(wanted);
    await use.node.run([`iptables-${flavour}`, "-D", ...reference]);
    await applyTo(use, null);
    await expectHeld(use, null);
  });

  it("restores a snapshot exactly, with what others have put in", async (context) => {
    const use = await scene(context, flavour, foreignRules);
    if (use === null) return;
    await applyTo(use, program(0));
    const tool = `iptables-${flavour}`;
    await use.node.run([tool, "-t", "nat", "-I", "WEIR-SERVICES", "-m", "limit", "--limit", "1/sec", "-j", "LOG"]);
    await use.node.run([tool, "-t", "nat", "-D", "OUTPUT", "-j", "WEIR-SERVICES"]);
    await use.node.run([tool, "-t", "nat", "-I", "OUTPUT", "2", "-j", "WEIR-SERVICES"]);
    const before = await listingOf(use.node, flavour);
    const seen = await observeNow(use);
    for (const other of [program(1), program(3), null]) {
      await applyTo(use, other);
      expect(await listingOf(use.node, flavour)).not.toBe(before);
      await restoreTo(use, { ...seen, snapshot: JSON.parse(JSON.stringify(seen.snapshot)) });
      expect(await listingOf(use.node, flavour)).toBe(before);
      expect(await observeNow(use)).toEqual(seen);
      expect(use.plane.restore(await observeNow(use), seen.snapshot)).toEqual([]);
    }
    // fewer rules of others than there were: behind them all
    await applyTo(use, null);
    await use.node.run([tool, "-t", "nat", "-F", "OUTPUT"]);
    await restoreTo(use, seen);
    expect((await observeNow(use)).program).toEqual({
      ...seen.program,
      ipv4: expect.objectContaining({ tables: seen.program?.ipv4?.tables }),
    });
  });

  it("restores nothing, which is what was there", async (context) => {
    const use = await scene(context, flavour, foreignRules.slice(2));
    if (use === null) return;
    const before = withoutWeirs(await listingOf(use.node, flavour));
    const seen = await observeNow(use);
    await applyTo(use, program(0));
    await restoreTo(use, seen);
    await expectHeld(use, null);
    expect(withoutWeirs(await listingOf(use.node, flavour))).toBe(before);
  });

  it("rewrites only what one endpoint more changes", async (context) => {
    const use = await scene(context, flavour);
    if (use === null) return;
    const spec = (endpoints: string) => `node worker-1 {\n  address 192.0.2.11\n}
service shop/web {\n  vip 10.96.0.10\n  port http tcp 80 -> 8080\n  endpoint 10.244.1.5\n${endpoints}}
service shop/dns {\n  vip 10.96.0.11\n  port dns udp 53\n  endpoint 10.244.1.6\n}\n`;
    const [one, two] = await Promise.all([rulesOf(spec("")), rulesOf(spec("  endpoint 10.244.2.7\n"))]);
    await applyTo(use, one.iptables);
    const steps = await applyTo(use, two.iptables);
    expect(steps.map((step) => [step.kind, step.operations])).toEqual([
      [
        "iptables",
        [
          {
            action: "replace",
            object: "chain",
            name: expect.stringContaining("WEIR-SVC-shop-web"),
            key: "shop/web:http",
          },
        ],
      ],
    ]);
    await expectHeld(use, two.iptables);
  });
});

describe("two owners on one node", () => {
  it.each(flavours)("do not see each other, flavour %s", async (flavour) => {
    const main = await scene({ skip: () => {} }, flavour, foreignRules.slice(0, 1));
    if (main === null) return;
    const ipvs = { ...main, plane: rulesPlane("ipvs", flavour) };
    const mark = { kind: "mark", value: 1, mask: 1 } as const;
    const companions: IptablesProgram = {
      ipv4: {
        family: "ipv4",
        tables: [{ name: "mangle", chains: [{ name: "WEIR-IPVS-IN", rules: [{ matches: [], target: mark }] }] }],
        jumps: [{ table: "mangle", chain: "PREROUTING", target: "WEIR-IPVS-IN", position: "first" }],
      },
      ipv6: null,
    };
    await applyTo(main, program(0));
    await expectHeld(ipvs, null);
    await applyTo(ipvs, companions);
    await expectHeld(ipvs, companions);
    await expectHeld(main, program(0));
    await applyTo(main, null);
    await expectHeld(ipvs, companions);
    await applyTo(ipvs, null);
    await expectHeld(ipvs, null);
  });
});

describe("two flavours on one node", () => {
  it("stays where its chains are, moves over when told to, and takes the rest away", async (context) => {
    const nft = await scene(context, "nft", foreignRules.slice(0, 1));
    if (nft === null) return;
    await loadOthers(nft.node, "legacy", (foreignRules[2] ?? foreignRules[0])?.iptables ?? { ipv4: "", ipv6: "" });
    const [others, legacyOthers] = [
      withoutWeirs(await listingOf(nft.node, "nft")),
      withoutWeirs(await listingOf(nft.node, "legacy")),
    ];
    const wanted = program(0);
    const legacy = { ...nft, plane: rulesPlane("main", "legacy") };
    const any = { ...nft, plane: iptablesPlane };
    await applyTo(legacy, wanted);
    await expectHeld(any, wanted);
    const moving = await observeNow(nft);
    expect(moving.program).toEqual(wanted);
    const steps = nft.plane.plan(moving, wanted);
    expect(steps.map((step) => step.kind === "iptables" && `${step.family} ${step.flavour}`).slice(0, 4)).toEqual([
      "ipv4 nft",
      "ipv6 nft",
      "ipv4 legacy",
      "ipv6 legacy",
    ]);
    await applyTo(nft, wanted);
    await expectHeld(any, wanted);
    await expectHeld(nft, wanted);
    expect(await listingOf(nft.node, "legacy")).not.toContain(":WEIR-");
    // in both, as after a change of alternatives by hand
    await nft.node.run(
      ["iptables-legacy-restore", "--noflush"],
      "*nat\n:WEIR-SERVICES - [0:0]\n-I OUTPUT -j WEIR-SERVICES\nCOMMIT\n",
    );
    const both = await observeNow(any);
    expect(both.program).toEqual(wanted);
    expect(both.foreign).toEqual([
      { place: "iptables-legacy (ipv4)", text: "1 chains of weir's, in this flavour too" },
    ]);
    await applyTo(any, wanted);
    await expectHeld(any, wanted);
    await applyTo(any, null);
    await expectHeld(any, null);
    expect(withoutWeirs(await listingOf(nft.node, "nft"))).toBe(others);
    expect(withoutWeirs(await listingOf(nft.node, "legacy"))).toBe(legacyOthers);
  });

  it("changes nothing by looking", async (context) => {
    const use = await scene(context, "nft");
    if (use === null) return;
    await observeNow(use);
    expect(await use.node.run(["nft", "list", "ruleset"])).toBe("");
    expect((await use.host.read("/proc/net/ip_tables_names")) ?? "").toBe("");
    const now = await observeNow(use);
    expect([now.program, now.foreign, use.plane.plan(now, null)]).toEqual([null, [], []]);
  });

  it("leaves tables of nft alone, and does not write where it could not read", async (context) => {
    const use = await scene(context, "nft");
    if (use === null) return;
    await use.node.run(["nft", "-f", "-"], foreignNftables);
    const before = await use.node.run(["nft", "list", "ruleset"]);
    await applyTo(use, program(0));
    await expectHeld(use, program(0));
    await applyTo(use, null);
    expect(
      (await use.node.run(["nft", "list", "ruleset"])).replace(/table ip6? (nat|filter) \{[\s\S]*?\n\}\n/g, ""),
    ).toBe(before);
    const mine = "add table ip nat\nadd chain ip nat mine { type nat hook postrouting priority 100; }\n";
    await use.node.run(["nft", "-f", "-"], `${mine}add rule ip nat mine oifname "eth0" masquerade\n`);
    await applyTo(use, program(0));
    await expectHeld(use, program(0));
    await applyTo(use, null);
    const native =
      "add rule ip nat OUTPUT ip daddr 192.0.2.1 dnat to numgen inc mod 2 map { 0 : 192.0.2.2, 1 : 192.0.2.3 }";
    await use.node.run(["nft", "-f", "-"], `${native}\n`);
    const now = await observeNow(use);
    expect(now.program).toBeNull();
    expect(use.plane.plan(now, null)).toEqual([]);
    expect(() => use.plane.plan(now, program(0))).toThrow("cannot list table nat (ipv4)");
    await use.node.run(["nft", "add", "chain", "ip", "nat", "WEIR-SERVICES"]);
    await expect(observeNow(use)).rejects.toMatchObject({ trouble: "unsupported" });
  });
});
