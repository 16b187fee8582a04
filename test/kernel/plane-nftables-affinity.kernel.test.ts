import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Agent } from "../../runtime/lab/agent-client.ts";
import { agentHost } from "../support/agent-host.ts";
import { type Bundle, bundleSources } from "../support/bundle.ts";
import { labTrouble, skipFor, troubleWith } from "../support/kernel.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";
import { applyTo, described, observeNow, restoreTo, tablesOf } from "../support/nft-plane.ts";

let test: TestPool | null = null;
let generationReader: Bundle | null = null;
let trouble: string | null = null;
let node: Agent | null = null;

beforeAll(async () => {
  trouble = await labTrouble();
  if (trouble !== null) return;
  test = await openTestPool();
  trouble = await troubleWith(test.pool, "nftables");
  generationReader = await bundleSources("nft-generation", { read: "test/support/nft-generation.ts" });
});

afterAll(async () => {
  await test?.close();
  generationReader?.remove();
});

beforeEach(async () => {
  if (test !== null && trouble === null) node = await test.pool.node();
});

afterEach(async () => {
  if (test !== null && node !== null) await test.pool.end(node);
  node = null;
});

interface Family {
  readonly name: "ip" | "ip6";
  readonly vip: string;
  readonly range: string;
  readonly endpoint: (index: number) => string;
  readonly client: (index: number) => string;
}

const families: readonly Family[] = [
  {
    name: "ip",
    vip: "10.96.0.10",
    range: "10.96.0.0/16",
    endpoint: (index) => `10.244.1.${index + 5}`,
    client: (index) => `10.244.1.${index + 100}`,
  },
  {
    name: "ip6",
    vip: "fd00:10:96::10",
    range: "fd00:10:96::/112",
    endpoint: (index) => `fd00:10:244:1::${index + 5}`,
    client: (index) => `fd00:10:244:1::${index + 100}`,
  },
];

const endpoints = [0, 1, 2, 3];
const clients = Array.from({ length: 10 }, (_, index) => index);

function specOf(family: Family, serving: readonly number[]): string {
  return `
cluster { pods 10.244.0.0/16, fd00:10:244::/56 }
node worker-1 { address 192.0.2.11, 2001:db8::11 }
service shop/web {
  vip ${family.vip}
  affinity client-ip 3h
  port http tcp 80 -> 8080
${serving.map((index) => `  endpoint ${family.endpoint(index)} on worker-1`).join("\n")}
}`;
}

/** Clients and endpoints as addresses of one namespace: connections between them meet the output chain. */
async function populate(agent: Agent, family: Family): Promise<void> {
  const length = family.name === "ip" ? 32 : 128;
  const addresses = [...endpoints.map(family.endpoint), ...clients.map(family.client)];
  const lines = addresses.map((address) => `address add ${address}/${length} dev lo`);
  // without nodad an IPv6 address is not to be had at once
  const options = family.name === "ip" ? "" : " nodad";
  await agent.run(["ip", "link", "set", "lo", "up"]);
  await agent.run(["ip", "-batch", "-"], `${lines.map((line) => line + options).join("\n")}\n`);
  await agent.run(["ip", "route", "add", family.range, "dev", "lo"]);
  await agent.serve(endpoints.map((index) => ({ protocol: "tcp", address: family.endpoint(index), port: 8080 })));
}

/** Where a connection of each client ends. */
async function reachedBy(agent: Agent, family: Family): Promise<readonly string[]> {
  const reached: string[] = [];
  for (const index of clients) {
    const attempt = { protocol: "tcp", source: family.client(index), address: family.vip, port: 80 } as const;
    const seen = await agent.attempt({ ...attempt, timeoutMs: 10_000 }).seen;
    reached.push(seen.kind === "answered" ? seen.by.localAddress : JSON.stringify(seen));
  }
  return reached;
}

/** Entries of the family's affinity map, without the time they have left. */
async function entriesOf(agent: Agent, family: Family): Promise<readonly string[]> {
  const listing = await agent.run(["nft", "list", "map", family.name, "weir", "affinity"]);
  return (listing.match(/\S+ \. \S+ \. tcp \. 80 timeout 3h expires \S+ : [0-9a-f:]+/g) ?? [])
    .map((entry) => entry.replace(/ expires \S+/, ""))
    .sort();
}

describe.each(families)("affinity of $name", (family) => {
  it("lives through changes and restores, and heals when an endpoint leaves", { timeout: 120_000 }, async (context) => {
    if (node === null) return skipFor(context, trouble ?? "no lab");
    const host = agentHost(node);
    await populate(node, family);
    await applyTo(host, await tablesOf(specOf(family, [0, 1, 2])));
    const first = await reachedBy(node, family);
    const entries = await entriesOf(node, family);
    expect(entries).toHaveLength(clients.length);

    const more = await applyTo(host, await tablesOf(specOf(family, [0, 1, 2, 3])));
    expect(described(more).filter((line) => line.startsWith("load"))).toEqual([]);
    expect(await entriesOf(node, family)).toEqual(entries);
    expect(await reachedBy(node, family)).toEqual(first);
    expect(await entriesOf(node, family)).toEqual(entries);
    const snapshot = await observeNow(host);

    const left = endpoints.findIndex((index) => family.endpoint(index) === first[0]);
    await applyTo(
      host,
      await tablesOf(
        specOf(
          family,
          endpoints.filter((index) => index !== left),
        ),
      ),
    );
    expect(await entriesOf(node, family)).toEqual(entries);
    const second = await reachedBy(node, family);
    for (const [client, endpoint] of second.entries()) {
      if (first[client] === first[0]) expect(endpoint).not.toBe(first[0]);
      else expect(endpoint).toBe(first[client]);
    }
    expect(second.filter((endpoint) => endpoint.startsWith("{"))).toEqual([]);
    expect(await reachedBy(node, family)).toEqual(second);

    // back by a delta: who came to another endpoint stays there
    await restoreTo(host, snapshot);
    expect(await reachedBy(node, family)).toEqual(second);
    // back by the listing, with the entries of its time
    await node.run(["nft", "delete", "table", family.name, "weir"]);
    await restoreTo(host, snapshot);
    expect(await entriesOf(node, family)).toEqual(entries);
    expect(await reachedBy(node, family)).toEqual(first);
    expect(await entriesOf(node, family)).toEqual(entries);
  });
});

describe("the generation of the nftables plane", () => {
  it("counts everybody's transactions and no packets", { timeout: 60_000 }, async (context) => {
    const [family] = families;
    if (node === null || family === undefined) return skipFor(context, trouble ?? "no lab");
    const [agent, host, reader] = [node, agentHost(node), generationReader?.path("read") ?? ""];
    const generation = () => agent.call(reader, null);
    await populate(agent, family);
    await applyTo(host, await tablesOf(specOf(family, [0, 1])));
    const start = await generation();
    expect(start).toMatch(/^[0-9a-f-]{36} \d+ \d+$/);

    // reads, tried transactions, and packets that make entries of a map
    await observeNow(host);
    await agent.run(["nft", "list", "ruleset"]);
    await agent.run(["nft", "-c", "-f", "-"], "delete table ip weir\n");
    await reachedBy(agent, family);
    expect(await entriesOf(agent, family)).toHaveLength(clients.length);
    expect(await generation()).toBe(start);

    const changes: readonly (readonly [string, readonly string[]])[] = [
      ["an element", ["nft", "add", "element", "ip", "weir", "vips", "{ 10.96.0.99 }"]],
      ["an element made by hand of a map that packets fill", ["nft", "flush", "map", "ip", "weir", "affinity"]],
      ["another table", ["nft", "add", "table", "inet", "other"]],
      ["a rule by iptables", ["iptables-nft", "-A", "INPUT", "-j", "ACCEPT"]],
    ];
    let before = start;
    for (const [what, argv] of changes) {
      await agent.run(argv);
      const now = await generation();
      expect(now, what).not.toBe(before);
      before = now;
    }
  });
});
