import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { statusSchema } from "../support/inspect-schema.ts";
import { labTrouble, skipFor } from "../support/kernel.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";
import { complaintAboutEnd, openWeirNode, type Way, type WeirNode, ways } from "../support/weir-node.ts";

/** What status says of a node after somebody else has been at its rules, and that apply repairs it. */

const spec = join(import.meta.dirname, "../../fixtures/26-node-ports/service.weir");

interface Damage {
  readonly name: string;
  /** Commands in the node's namespace; `-nft`, `-legacy` of the flavour is filled in for `iptables`. */
  readonly commands: readonly (readonly string[])[];
  /** Text for `nft -f -`. */
  readonly nft?: string;
  /** Parts of sentences that status says, in any order. */
  readonly says: readonly RegExp[];
}

const nftDamages: readonly Damage[] = [
  {
    name: "nft flush ruleset",
    commands: [["nft", "flush", "ruleset"]],
    says: [/^ {4}table ip weir: no IPv4 service is served/m],
  },
  {
    name: "a deleted slot",
    commands: [],
    nft: "delete element ip weir pool { 10.96.0.10 . tcp . 80 . 5700:1 }\n",
    says: [
      /^ {2}shop\/web:http$/m,
      /10\.96\.0\.10:80\/tcp: 10\.244\.\d\.\d:8080 gets no connections/,
      /1 of 2 new connections fails/,
    ],
  },
  {
    name: "a deleted frontend",
    commands: [],
    nft: "delete element ip weir node-ports { udp . 30053 }\n",
    says: [/^ {2}shop\/web:dns$/m, /^ {4}node port 30053\/udp is not served/m],
  },
  {
    name: "an endpoint that nobody asked for",
    commands: [],
    nft: `delete element ip weir pool { 10.96.0.10 . tcp . 80 . 5700:1 }
add element ip weir pool { 10.96.0.10 . tcp . 80 . 5700:1 : 10.9.9.9 . 80 }\n`,
    says: [/gets no connections/, /10\.9\.9\.9:80 gets connections, and should not/],
  },
  {
    name: "a frontend that nobody asked for",
    commands: [],
    nft: `add element ip weir frontends { 10.96.0.99 . tcp . 99 : goto pick-2 }\n`,
    says: [/10\.96\.0\.99:99\/tcp is served, and should not be/],
  },
  {
    name: "another way through the chains",
    commands: [],
    nft: `delete element ip weir frontends { 10.96.0.10 . tcp . 80 }
add element ip weir frontends { 10.96.0.10 . tcp . 80 comment "shop/web:http" : goto pick-2 }\n`,
    says: [/10\.96\.0\.10:80\/tcp: its packets are treated otherwise/],
  },
  {
    name: "a foreign rule among weir's",
    commands: [["nft", "insert", "rule", "ip", "weir", "services", "tcp", "dport", "22", "accept"]],
    says: [/not weir's, inside weir's objects/, /tcp dport 22 accept/],
  },
  {
    name: "an empty base chain",
    commands: [["nft", "flush", "chain", "ip", "weir", "prerouting"]],
    says: [/chain prerouting of table ip weir: IPv4 packets that arrive here reach no service/],
  },
  {
    name: "an empty postrouting",
    commands: [["nft", "flush", "chain", "ip", "weir", "postrouting"]],
    says: [/chain postrouting of table ip weir: IPv4 connections are not masqueraded/],
  },
];

const iptablesDamages: readonly Damage[] = [
  {
    name: "iptables -t nat -F",
    commands: [["iptables", "-t", "nat", "-F"]],
    says: [
      /jump from PREROUTING to WEIR-SERVICES in table nat \(ipv4\): IPv4 packets that arrive here reach no service/,
      /node port 30080\/tcp is not served/,
      /10\.96\.0\.10:53\/udp is not served/,
    ],
  },
  {
    name: "iptables -F",
    commands: [["iptables", "-F"]],
    says: [
      /jump from FORWARD to WEIR-VERDICTS in table filter \(ipv4\): IPv4 connections that are to be refused are not/,
    ],
  },
  {
    name: "all tables emptied and all chains gone",
    commands: [
      ["iptables", "-F"],
      ["iptables", "-X"],
      ["iptables", "-t", "nat", "-F"],
      ["iptables", "-t", "nat", "-X"],
    ],
    says: [/all chains of weir's \(ipv4\): no IPv4 service is served/],
  },
  {
    name: "a missing jump",
    commands: [["iptables", "-t", "nat", "-D", "OUTPUT", "-j", "WEIR-SERVICES"]],
    says: [/jump from OUTPUT .*: this node's own IPv4 connections reach no service/],
  },
  {
    name: "a foreign rule before the jump",
    commands: [
      ["iptables", "-t", "nat", "-I", "PREROUTING", "-p", "tcp", "-m", "tcp", "--dport", "22", "-j", "ACCEPT"],
    ],
    says: [/jump from PREROUTING .*: rules of others come before weir's/],
  },
  {
    name: "a deleted endpoint",
    commands: [["iptables", "-t", "nat", "-D", "WEIR-EP-shop-web-ht-5xr52qet", "1"]],
    says: [/^ {2}shop\/web:http$/m, /10\.96\.0\.10:80\/tcp: 10\.244\.1\.5:8080 gets no connections/],
  },
  {
    name: "a foreign rule in a chain of weir's",
    commands: [
      [
        "iptables",
        "-t",
        "nat",
        "-I",
        "WEIR-SERVICES",
        "-s",
        "192.0.2.99/32",
        "-m",
        "ttl",
        "--ttl-eq",
        "9",
        "-j",
        "RETURN",
      ],
    ],
    says: [/not weir's, inside weir's objects/, /192\.0\.2\.99/],
  },
];

let test: TestPool | null = null;
let trouble: string | null = null;

beforeAll(async () => {
  trouble = await labTrouble();
  if (trouble === null) test = await openTestPool();
});

afterAll(() => test?.close());

/** A node on which the spec is applied. */
async function withApplied(way: Way, work: (node: WeirNode) => Promise<void>): Promise<void> {
  if (test === null) return;
  const node = await openWeirNode(test);
  try {
    const ended = await node.weir("apply", spec, "--node", "worker-1", ...way.args);
    expect(complaintAboutEnd("apply", ended)).toBeNull();
    await work(node);
  } finally {
    await node.close();
  }
}

async function damage(node: WeirNode, way: Way, { commands, nft }: Damage): Promise<void> {
  const flavour = way.name.endsWith("legacy") ? "legacy" : "nft";
  for (const [tool = "", ...args] of commands) {
    await node.agent.run([tool === "iptables" ? `iptables-${flavour}` : tool, ...args]);
  }
  if (nft !== undefined) await node.agent.run(["nft", "-f", "-"], nft);
}

describe.each([
  [ways.nftables, nftDamages],
  [ways["iptables-nft"], iptablesDamages],
  [ways["iptables-legacy"], iptablesDamages],
] as const)("$name", (way, damages) => {
  it("says what is wrong in terms of traffic, and apply puts it right", async (context) => {
    if (trouble !== null) return skipFor(context, trouble);
    await withApplied(way, async (node) => {
      const whole = await node.weir("status");
      expect(complaintAboutEnd("status after apply", whole)).toBeNull();
      expect(whole.stdout).toMatch(/^worker-1: the kernel holds exactly generation 1 /);
      expect(whole.stdout).toContain("1 service, 4 frontends, 4 endpoints");
      for (const each of damages) {
        await damage(node, way, each);
        const status = await node.weir("status");
        expect(complaintAboutEnd(`status after ${each.name}`, status, 1)).toBeNull();
        for (const sentence of each.says) expect(status.stdout, each.name).toMatch(sentence);
        const repaired = await node.weir("apply", spec, "--node", "worker-1", ...way.args);
        expect(complaintAboutEnd(`apply after ${each.name}`, repaired)).toBeNull();
      }
      const after = await node.weir("status");
      expect(complaintAboutEnd("status at the end", after)).toBeNull();
    });
  }, 120_000);
});

describe("what else status says", () => {
  it("nothing is applied; something is left over; what is compared is for another node or backend", async (context) => {
    if (trouble !== null) return skipFor(context, trouble);
    await withApplied(ways.nftables, async (node) => {
      const same = await node.weir("status", spec, "--node", "worker-1");
      expect(complaintAboutEnd("status of the spec", same)).toBeNull();
      const other = await node.weir("status", spec, "--node", "worker-2");
      expect(other.stdout).toContain(
        "this node was applied as worker-1, and it is compared with what worker-2 should hold",
      );
      const moved = await node.weir("status", spec, "--node", "worker-1", "--backend", "iptables", "--json");
      expect(complaintAboutEnd("status of another backend", moved, 1)).toBeNull();
      const { leftovers, structure, notes, state, operations } = statusSchema.parse(JSON.parse(moved.stdout));
      expect(state).toBe("drift");
      expect(operations.length).toBeGreaterThan(0);
      expect(leftovers.map(({ plane }) => plane)).toEqual(["nftables"]);
      expect(structure.map(({ object }) => object)).toEqual(["all chains of weir's (ipv4)"]);
      expect(notes).toEqual(["this node runs the backend nftables, and it is compared with one for iptables"]);
      const unknown = await node.weir("status", "--state", "/nonexistent/state");
      expect(complaintAboutEnd("status without a state", unknown, 1)).toBeNull();
      expect(unknown.stdout).toMatch(/^nothing is applied, and something of weir's is there\n/);
      expect(unknown.stdout).toContain("to remove it: weir cleanup");
      expect((await node.weir("cleanup")).code).toBe(0);
      const clean = await node.weir("status");
      expect(complaintAboutEnd("status after cleanup", clean)).toBeNull();
      expect(clean.stdout).toBe("nothing of weir's is on this node\n");
    });
  }, 60_000);

  it("a change that waits for its confirmation is no drift", async (context) => {
    if (trouble !== null) return skipFor(context, trouble);
    await withApplied(ways.nftables, async (node) => {
      expect((await node.weir("cleanup")).code).toBe(0);
      const applied = await node.weir("apply", spec, "--node", "worker-1", "--backend", "nftables", "--confirm", "1h");
      expect(complaintAboutEnd("apply --confirm", applied)).toBeNull();
      const status = await node.weir("status", "--json");
      expect(complaintAboutEnd("status", status)).toBeNull();
      const { pending, state } = statusSchema.parse(JSON.parse(status.stdout));
      expect(state).toBe("in-sync");
      expect(pending?.generation).toBe(2);
      expect(pending?.secondsLeft).toBeGreaterThan(3000);
      expect((await node.weir("status")).stdout).toMatch(/generation 2 waits for: weir confirm, \d+ s left/);
      expect((await node.weir("confirm")).code).toBe(0);
      const kept = statusSchema.parse(JSON.parse((await node.weir("status", "--json")).stdout));
      expect(kept.pending).toBeNull();
    });
  }, 60_000);

  it("usage, and trouble that is no verdict", async (context) => {
    if (trouble !== null) return skipFor(context, trouble);
    await withApplied(ways.nftables, async (node) => {
      expect((await node.weir("status", "--backend", "nftables")).code).toBe(64);
      expect((await node.weir("status", spec, "--node", "worker-1", "--backend", "nope")).code).toBe(64);
      expect((await node.weir("status", "/nonexistent")).code).toBe(2);
    });
  }, 60_000);
});
