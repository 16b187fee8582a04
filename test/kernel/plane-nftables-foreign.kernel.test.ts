import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Agent } from "../../runtime/lab/agent-client.ts";
import { agentHost } from "../support/agent-host.ts";
import { labTrouble, skipFor, troubleWith } from "../support/kernel.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";
import { applyTo, described, inputOf, observeNow, restoreTo, tablesOf } from "../support/nft-plane.ts";

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

const spec = `
cluster {
  pods 10.244.0.0/16, fd00:10:244::/56
  service-range 10.96.0.0/16
}
node worker-1 { address 192.0.2.11, 2001:db8::11 }
service shop/web {
  vip 10.96.0.10, fd00:10:96::10
  load-balancer 198.51.100.7 allow 203.0.113.0/24
  affinity client-ip 3h
  port http tcp 80 -> 8080 node-port 30080
  port dns udp 53
  endpoint 10.244.1.5
  endpoint 10.244.2.7
  endpoint fd00:10:244:2::7
}`;

/** Rules of others beside weir's, which nothing may touch. */
const beside = `
table ip weir2 { chain weir { type filter hook input priority 5; policy accept; tcp dport 22 accept; }; }
table inet weir { set pool { type ipv4_addr; elements = { 192.0.2.1 }; }; }
table ip nat { chain PREROUTING { type nat hook prerouting priority -100; policy accept; counter; }; }
`;

/** A client's entry, as packets make them. */
const entry = "198.51.100.1 . 10.96.0.10 . tcp . 80";
const remembered = `add element ip weir affinity { ${entry} timeout 3h : 5780:1 }\n`;

interface Meddling {
  readonly name: string;
  readonly commands: string;
  /** What `observe` calls foreign: place, and the beginning of the text. */
  readonly foreign: readonly (readonly [place: string, text: string])[];
  /** Operations that mend it, without what changes in a table that is loaded anew. */
  readonly mended: readonly string[];
  /** Affinity is kept unless the table is loaded anew. */
  readonly forgets?: boolean;
}

const reload = ["load table ip weir"];

const meddlings: readonly Meddling[] = [
  { name: "nothing", commands: "", foreign: [], mended: [] },
  {
    name: "a rule that weir has no words for",
    commands: 'insert rule ip weir services ip saddr 192.0.2.99 counter accept comment "by hand"',
    foreign: [["chain ip weir services", 'ip saddr 192.0.2.99 counter packets 0 bytes 0 accept comment "by hand"']],
    mended: ["replace chain ip weir services"],
  },
  {
    name: "rules in a base chain",
    commands:
      "add rule ip weir postrouting ip daddr 192.0.2.99 snat to 192.0.2.11\nadd rule ip weir postrouting return",
    foreign: [["chain ip weir postrouting", "ip daddr 192.0.2.99 snat to 192.0.2.11"]],
    mended: ["replace chain ip weir postrouting"],
  },
  {
    name: "a rule as weir might make it",
    commands: "add rule ip weir refuse drop",
    foreign: [],
    mended: ["replace chain ip weir refuse"],
  },
  {
    name: "chains, with a jump to them",
    commands: [
      "add chain ip weir mine",
      "add chain ip weir other",
      "add rule ip weir mine drop",
      'add rule ip weir other log prefix "x;{}" level debug',
      "add rule ip weir mine jump other",
      "insert rule ip weir services jump mine",
    ].join("\n"),
    foreign: [
      ["table ip weir", "chain mine {\n\tdrop\n\tjump other\n}"],
      ["table ip weir", 'chain other {\n\tlog prefix "x;{}" level debug\n}'],
    ],
    mended: ["replace chain ip weir services", "delete chain ip weir mine", "delete chain ip weir other"],
  },
  {
    name: "a base chain of another type",
    commands:
      "add chain ip weir input { type filter hook input priority 0; policy drop; }\nadd rule ip weir input accept",
    foreign: [["table ip weir", "chain input {\n\ttype filter hook input priority filter; policy drop;\n\taccept\n}"]],
    mended: ["delete chain ip weir input"],
  },
  {
    name: "sets and maps, used by rules",
    commands: [
      "add set ip weir blocked { type ipv4_addr; flags timeout; }",
      "add element ip weir blocked { 192.0.2.66 timeout 1d }",
      "add map ip weir by-mark { type mark : verdict; }",
      "add element ip weir by-mark { 5 : accept }",
      "insert rule ip weir services ip saddr @blocked drop",
      "insert rule ip weir services meta mark vmap @by-mark",
    ].join("\n"),
    foreign: [
      ["table ip weir", "set blocked {"],
      ["table ip weir", "map by-mark {"],
    ],
    mended: ["replace chain ip weir services", "delete set ip weir blocked", "delete map ip weir by-mark"],
  },
  {
    name: "elements as weir makes them",
    commands: [
      "add element ip weir frontends { 192.0.2.200 . tcp . 22 : goto refuse }",
      "delete element ip weir vips { 10.96.0.10 }",
      "delete element ip weir frontends { 10.96.0.10 . udp . 53 }",
      'add element ip weir frontends { 10.96.0.10 . udp . 53 comment "other" : drop }',
    ].join("\n"),
    foreign: [],
    mended: [
      "delete element ip weir frontends 192.0.2.200 . tcp . 22 : goto refuse",
      'replace element ip weir frontends 10.96.0.10 . udp . 53 comment "shop/web:dns" : goto masquerade-unless-pod-sticky-2-10800s (shop/web:dns)',
      "add element ip weir vips 10.96.0.10",
    ],
  },
  {
    name: "elements that weir has no words for",
    commands: [
      'add element ip weir frontends { 192.0.2.200 . icmp . 0 comment "a, b" : drop }',
      "add element ip weir node-ports { tcp . 22 : accept }",
    ].join("\n"),
    foreign: [
      ["map ip weir frontends", '192.0.2.200 . 1 . 0 comment "a, b" : drop'],
      ["map ip weir node-ports", "6 . 22 : accept"],
    ],
    mended: ["replace map ip weir frontends", "replace map ip weir node-ports"],
  },
  {
    name: "elements of sets",
    commands: "add element ip weir ranged { 192.0.2.200 . tcp . 22 }\nadd element ip weir pods { 172.16.0.0/12 }",
    foreign: [],
    mended: ["delete element ip weir ranged 192.0.2.200 . tcp . 22", "delete element ip weir pods 172.16.0.0/12"],
  },
  {
    name: "a pod range that covers weir's",
    commands: "flush set ip weir pods\nadd element ip weir pods { 10.0.0.0/8 }",
    foreign: [],
    mended: ["delete element ip weir pods 10.0.0.0/8", "add element ip weir pods 10.244.0.0/16"],
  },
  {
    name: "a counter object",
    commands: "add counter ip weir hits",
    foreign: [["table ip weir", "counter hits {"]],
    mended: reload,
    forgets: true,
  },
  {
    name: "a table that sleeps",
    commands: "add table ip weir { flags dormant; }",
    foreign: [["table ip weir", "flags dormant"]],
    mended: reload,
    forgets: true,
  },
  {
    name: "another table of the name",
    commands:
      "delete table ip weir\ntable ip weir { set pool { type ipv4_addr; }; chain services { type filter hook input priority 7; }; }",
    foreign: [["chain ip weir services", "type filter hook input priority filter + 7; policy accept;"]],
    mended: reload,
    forgets: true,
  },
  {
    name: "chains without their rules",
    commands: "flush table ip weir",
    foreign: [],
    mended: [
      "prerouting",
      "output",
      "postrouting",
      "services",
      "serve-node-ports",
      "refuse",
      "translate",
      "node-port-translate",
      "masquerade-node-port-sticky-2-10800s",
      "masquerade-sticky-2-10800s",
      "masquerade-unless-pod-sticky-2-10800s",
      "node-port-remember-10800s",
      "node-port-remembered-10800s",
      "node-port-sticky-2-10800s",
      "remember-10800s",
      "remembered-10800s",
      "sticky-2-10800s",
    ].map((chain) => `replace chain ip weir ${chain}`),
  },
  {
    name: "a base chain that is gone, and counters in rules",
    commands: [
      "flush chain ip weir output",
      "delete chain ip weir output",
      "flush chain ip weir refuse",
      "add rule ip weir refuse counter reject",
    ].join("\n"),
    foreign: [],
    mended: ["add chain ip weir output"],
  },
  { name: "no table", commands: "delete table ip weir", foreign: [], mended: reload, forgets: true },
];

/**
 * Without the order of objects, which is that of their making, the time that entries have left, and the counter that
 * somebody put before weir's own rule, which does no harm and may stay.
 */
function sorted(listing: string): readonly string[] {
  return listing
    .replace(/ expires [0-9a-z]+/g, "")
    .replace("\tcounter packets 0 bytes 0 reject", "\treject")
    .split("\n")
    .sort();
}

describe("what others do to weir's tables", () => {
  for (const given of meddlings) {
    it(`${given.name}: seen, mended, and put back by a restore`, async (context) => {
      if (node === null) return skipFor(context, trouble ?? "no lab");
      const host = agentHost(node);
      const listAll = async (agent: Agent) => sorted(await agent.run(["nft", "list", "ruleset"]));
      const program = await tablesOf(spec);
      await node.run(["nft", "-f", "-"], beside);
      await applyTo(host, program);
      const [clean, cleanListing] = [await observeNow(host), await listAll(node)];
      expect(clean.program).toEqual(program);
      await node.run(["nft", "-f", "-"], remembered);
      await node.run(["nft", "-f", "-"], given.commands);

      const seen = await observeNow(host);
      const seenListing = await listAll(node);
      expect(seen.foreign.map(({ place, text }, at) => [place, text.slice(0, given.foreign[at]?.[1].length)])).toEqual(
        given.foreign,
      );

      const steps = await applyTo(host, program);
      expect(described(steps.filter(({ kind }) => kind === "nft")), inputOf(steps)).toEqual(given.mended);
      expect((await observeNow(host)).program).toEqual(program);
      const affinity = await node.run(["nft", "list", "map", "ip", "weir", "affinity"]);
      expect(affinity.includes(entry)).toBe(given.forgets !== true);

      await restoreTo(host, seen);
      expect(await listAll(node)).toEqual(seenListing);
      await restoreTo(host, clean);
      await node.run(["nft", "flush", "map", "ip", "weir", "affinity"]);
      expect(await listAll(node)).toEqual(cleanListing);

      await applyTo(host, null);
      expect(await node.run(["nft", "list", "tables"])).toBe("table ip weir2\ntable inet weir\ntable ip nat\n");
    });
  }
});
