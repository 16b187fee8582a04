import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { IpvsRequest, RoutingChange, StaleFlow } from "../../compiler/backends/step.ts";
import { flowsExecutor } from "../../runtime/execute/flows.ts";
import { ipvsExecutor } from "../../runtime/execute/ipvs.ts";
import { routingExecutor } from "../../runtime/execute/routing.ts";
import { HostError } from "../../runtime/host/error.ts";
import { deleteFlows } from "../../runtime/netlink/conntrack.ts";
import { nftGeneration } from "../../runtime/netlink/generation.ts";
import { openIpvs } from "../../runtime/netlink/ipvs-client.ts";
import { changeRouting, readRouting } from "../../runtime/netlink/route.ts";
import { bundleSources } from "../support/bundle.ts";
import { labTrouble, skipFor } from "../support/kernel.ts";
import { address, prefix } from "../support/net.ts";
import { type NetlinkHost, openNetlinkHost } from "../support/netlink-host.ts";

/** Netlink against the machine's own kernel, in a network namespace. */

const trouble = await labTrouble();
let host: NetlinkHost;

beforeAll(async () => {
  if (trouble === null) host = await openNetlinkHost();
});
afterAll(() => host?.close());
beforeEach((context) => {
  if (trouble !== null) skipFor(context, trouble);
});

/** As a process without any privilege, whoever runs the test. */
function powerless(): NetlinkHost {
  return host.through(["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"]);
}

const table = 30569;
const rule = { priority: 1000, mark: 0x4000, mask: 0x4000, table };
const additions: readonly RoutingChange[] = [
  { op: "add-rule", family: "ipv4", rule },
  { op: "add-rule", family: "ipv6", rule },
  { op: "add-local-route", family: "ipv4", table, prefix: prefix("10.96.0.0/12") },
  { op: "add-local-route", family: "ipv4", table, prefix: prefix("192.0.2.7/32") },
  { op: "add-local-route", family: "ipv6", table, prefix: prefix("fd00:10:96::/112") },
];
const deletions = additions.map((change): RoutingChange => {
  if (change.op === "add-rule") return { ...change, op: "delete-rule" };
  if (change.op === "add-local-route") return { ...change, op: "delete-local-route" };
  return change;
});
const nothing = { rules: [], prefixes: [], unusual: [] };

describe("policy routing", () => {
  it("names the interface that is down", async () => {
    const failing = changeRouting(host, additions.slice(-1));
    await expect(failing).rejects.toThrow(
      "cannot add local route fd00:10:96::/112 in table 30569: the interface is down (ENETDOWN)",
    );
    await expect(failing).rejects.toMatchObject({ help: "the loopback interface is down: ip link set lo up" });
    await host.must(["ip", "link", "set", "lo", "up"]);
  });

  it("adds rules and routes, as ip lists them, and adding them again changes nothing", async () => {
    for (const _ of [1, 2]) {
      await changeRouting(host, additions);
      expect(await host.must(["ip", "rule", "list", "priority", "1000"])).toBe(
        "1000:\tfrom all fwmark 0x4000/0x4000 lookup 30569\n",
      );
      expect(await host.must(["ip", "-6", "rule", "list", "priority", "1000"])).toBe(
        "1000:\tfrom all fwmark 0x4000/0x4000 lookup 30569\n",
      );
      expect(await host.must(["ip", "-oneline", "route", "show", "table", "30569"])).toBe(
        "local 10.96.0.0/12 dev lo scope host \nlocal 192.0.2.7 dev lo scope host \n",
      );
      expect(await host.must(["ip", "-6", "-oneline", "route", "show", "table", "30569"])).toMatch(
        /^local fd00:10:96::\/112 dev lo .*\n$/,
      );
    }
  });

  it("reads them, and tells what else is in the table or leads to it", async () => {
    await host.must(["ip", "rule", "add", "priority", "7", "from", "10.0.0.0/8", "lookup", "30569"]);
    await host.must(["ip", "rule", "add", "priority", "8", "not", "fwmark", "0x1/0x1", "lookup", "30569"]);
    await host.must(["ip", "rule", "add", "priority", "9", "fwmark", "0x1", "lookup", "100"]);
    await host.must(["ip", "route", "add", "blackhole", "10.9.0.0/16", "table", "30569"]);
    await host.must(["ip", "route", "add", "local", "10.10.0.0/16", "dev", "lo", "table", "100"]);
    expect(await readRouting(host, table)).toEqual({
      ipv4: {
        rules: [rule],
        prefixes: [prefix("10.96.0.0/12"), prefix("192.0.2.7/32")],
        unusual: ["rule of priority 7", "rule of priority 8", "route to 10.9.0.0/16"],
      },
      ipv6: { rules: [rule], prefixes: [prefix("fd00:10:96::/112")], unusual: [] },
    });
  });

  it("reads what ip has written", async () => {
    await host.must(["ip", "rule", "add", "priority", "1001", "fwmark", "0x5", "lookup", "200"]);
    await host.must(["ip", "route", "add", "local", "10.11.0.0/16", "dev", "lo", "table", "200"]);
    const { ipv4 } = await readRouting(host, 200);
    expect(ipv4).toEqual({
      rules: [{ priority: 1001, mark: 5, mask: 0xffffffff, table: 200 }],
      prefixes: [prefix("10.11.0.0/16")],
      unusual: [],
    });
    await changeRouting(host, [
      { op: "delete-rule", family: "ipv4", rule: { priority: 1001, mark: 5, mask: 0xffffffff, table: 200 } },
      { op: "delete-local-route", family: "ipv4", table: 200, prefix: prefix("10.11.0.0/16") },
    ]);
    expect((await readRouting(host, 200)).ipv4).toEqual(nothing);
  });

  it("deletes its own, each as often as it is there, and nothing else", async () => {
    // restoring is the way of ip(8) to have a rule twice
    await host.must(["sh", "-c", "ip rule save | ip rule restore"]);
    const before = await readRouting(host, table);
    expect(before.ipv4.rules).toEqual([rule, rule]);
    for (const _ of [1, 2]) {
      await changeRouting(host, deletions);
      const left = await readRouting(host, table);
      expect(left.ipv4).toEqual({ ...nothing, unusual: before.ipv4.unusual });
      expect(left.ipv6).toEqual(nothing);
    }
    expect(await host.must(["ip", "rule", "list", "priority", "9"])).toContain("lookup 100");
    expect(await host.must(["ip", "route", "show", "table", "100"])).toContain("10.10.0.0/16");
  });

  it("tells who is not permitted", async () => {
    await expect(changeRouting(powerless(), additions)).rejects.toMatchObject({
      trouble: "permission",
      errno: "EPERM",
      message: "cannot add routing rule 1000 for mark 0x4000/0x4000 to table 30569 (ipv4): not permitted (EPERM)",
      help: "this needs root, or CAP_NET_ADMIN in this network namespace",
    });
  });
});

describe("the generation of nf_tables", () => {
  it("counts transactions of nft and of iptables-nft, and stands still without one", async () => {
    const first = await nftGeneration(host);
    expect(first).toBeTypeOf("number");
    expect(await nftGeneration(host)).toBe(first);
    await host.must(["nft", "-f", "-"], "table ip t { set s { type ipv4_addr; }; }");
    const second = await nftGeneration(host);
    expect(second).not.toBe(first);
    await host.must(["nft", "list", "ruleset"]);
    expect(await nftGeneration(host)).toBe(second);
    await host.must(["nft", "add", "element", "ip", "t", "s", "{ 192.0.2.1 }"]);
    const third = await nftGeneration(host);
    expect(third).not.toBe(second);
    await host.must(["iptables-nft", "-A", "OUTPUT", "-j", "ACCEPT"]);
    expect(await nftGeneration(host)).not.toBe(third);
    await host.must(["iptables-nft", "-F", "OUTPUT"]);
  });

  it("is not known to who has no privileges", async () => {
    expect(await nftGeneration(powerless())).toBeNull();
  });
});

describe("connection tracking", () => {
  /** Sends a datagram from each of so many source ports. */
  async function send(to: string, port: number, times = 1): Promise<void> {
    const type = to.includes(":") ? "udp6" : "udp4";
    await host.must([
      process.execPath,
      "-e",
      `let left = ${times};
      for (let i = 0; i < ${times}; i++) {
        const socket = require("node:dgram").createSocket("${type}");
        socket.on("error", () => {});
        socket.send("x", ${port}, "${to}", () => socket.close());
      }`,
    ]);
  }

  /** `ORIGINAL-DESTINATION PORT -> REPLY-SOURCE PORT`, sorted. */
  async function entries(): Promise<readonly string[]> {
    const lists = await Promise.all(
      ["ipv4", "ipv6"].map((family) => host.must(["conntrack", "-L", "-f", family, "-p", "udp"])),
    );
    return lists
      .join("")
      .split("\n")
      .flatMap((line) => {
        const parts = /dst=(\S+) sport=\d+ dport=(\d+) .*src=(\S+) dst=\S+ sport=(\d+)/.exec(line);
        return parts === null ? [] : [`${parts[1]} ${parts[2]} -> ${parts[3]} ${parts[4]}`];
      })
      .sort();
  }

  function flow(destination: string | null, port: number, endpoint: readonly [string, number] | null): StaleFlow {
    return {
      family: (destination ?? endpoint?.[0] ?? "").includes(":") ? "ipv6" : "ipv4",
      destination: destination === null ? null : address(destination),
      port,
      endpoint: endpoint === null ? null : { address: address(endpoint[0]), port: endpoint[1] },
    };
  }

  beforeAll(async () => {
    if (trouble !== null) return;
    await host.must(["ip", "link", "set", "lo", "up"]);
    for (const own of ["10.244.1.5/32", "10.244.1.6/32", "198.51.100.1/32"]) {
      await host.must(["ip", "address", "add", own, "dev", "lo"]);
    }
    await host.must(["ip", "-6", "address", "add", "fd00::5/128", "dev", "lo", "nodad"]);
    await host.must(["ip", "route", "add", "local", "10.96.0.0/16", "dev", "lo"]);
    await host.must(["ip", "-6", "route", "add", "local", "fd00:96::/64", "dev", "lo"]);
  });

  beforeEach(async () => {
    await host.must(["conntrack", "-F"]);
    await host.must(
      ["nft", "-f", "-"],
      `table inet nat
      delete table inet nat
      table inet nat {
        chain output {
          type nat hook output priority -100;
          ip daddr 10.96.0.10 udp dport 53 dnat ip to 10.244.1.5:5353
          ip daddr 10.96.0.11 udp dport 53 dnat ip to 10.244.1.6:5353
          ip daddr 198.51.100.1 udp dport 30053 dnat ip to 10.244.1.5:5353
          ip6 daddr fd00:96::10 udp dport 53 dnat ip6 to [fd00::5]:5353
        }
      }`,
    );
  });

  it("deletes what an endpoint that left has, and nothing of others", async () => {
    await send("10.96.0.10", 53, 3);
    await send("10.96.0.11", 53);
    await send("10.96.0.12", 53);
    await send("fd00:96::10", 53);
    const kept = ["10.96.0.11 53 -> 10.244.1.6 5353", "10.96.0.12 53 -> 10.96.0.12 53"];
    expect((await entries()).filter((entry) => !entry.startsWith("10.96.0.10 "))).toEqual([
      ...kept,
      "fd00:96::10 53 -> fd00::5 5353",
    ]);
    expect(await deleteFlows(host, [flow("10.96.0.10", 53, ["10.244.1.6", 5353])])).toBe(0);
    expect(await deleteFlows(host, [flow("10.96.0.10", 53, ["10.244.1.5", 5354])])).toBe(0);
    expect(await deleteFlows(host, [flow("10.96.0.10", 54, ["10.244.1.5", 5353])])).toBe(0);
    expect(
      await deleteFlows(host, [
        flow("10.96.0.10", 53, ["10.244.1.5", 5353]),
        flow("fd00:96::10", 53, ["fd00::5", 5353]),
      ]),
    ).toBe(4);
    expect(await entries()).toEqual(kept);
  });

  it("deletes what went untranslated while a frontend had nobody", async () => {
    await send("10.96.0.10", 53);
    await send("10.96.0.12", 53, 2);
    await send("fd00:96::12", 53);
    const flows = [flow("10.96.0.10", 53, null), flow("10.96.0.12", 53, null), flow("fd00:96::12", 53, null)];
    expect(await deleteFlows(host, flows)).toBe(3);
    expect(await entries()).toEqual(["10.96.0.10 53 -> 10.244.1.5 5353"]);
    expect(await deleteFlows(host, flows)).toBe(0);
  });

  it("takes a node port at the node's own addresses only", async () => {
    await send("198.51.100.1", 30053);
    await send("10.244.1.6", 30053);
    await send("10.96.0.12", 30053);
    expect(await deleteFlows(host, [flow(null, 30053, ["10.244.1.5", 5353])])).toBe(1);
    expect(await deleteFlows(host, [{ family: "ipv4", destination: null, port: 30053, endpoint: null }])).toBe(1);
    expect(await entries()).toEqual(["10.96.0.12 30053 -> 10.96.0.12 30053"]);
  });

  it("deletes more than fit one piece", async () => {
    await send("10.96.0.10", 53, 700);
    expect(await deleteFlows(host, [flow("10.96.0.10", 53, ["10.244.1.5", 5353])])).toBe(700);
    expect(await entries()).toEqual([]);
  });

  it("knows an entry in a zone", async () => {
    await host.must(
      ["nft", "-f", "-"],
      "table ip zone { chain output { type filter hook output priority -300; udp dport 53 ct zone set 7; }; }",
    );
    await send("10.96.0.10", 53);
    await host.must(["nft", "delete", "table", "ip", "zone"]);
    expect(await deleteFlows(host, [flow("10.96.0.10", 53, ["10.244.1.5", 5353])])).toBe(1);
  });

  it("tells who is not permitted", async () => {
    await send("10.96.0.10", 53);
    const failing = deleteFlows(powerless(), [flow("10.96.0.10", 53, ["10.244.1.5", 5353])]);
    await expect(failing).rejects.toBeInstanceOf(HostError);
    await expect(failing).rejects.toMatchObject({ trouble: "permission", errno: "EPERM" });
  });
});

it("holds the socket for many requests in a process of its own, which ends with it", async () => {
  const bundle = await bundleSources("netlink-probe", { weir: "bin/weir.ts", probe: "test/support/netlink-probe.ts" });
  try {
    const told: unknown = JSON.parse(await host.must([process.execPath, bundle.path("probe")]));
    expect(told).toEqual({ family: 16, unknown: null, commands: [[bundle.path("weir"), "internal-ipvs"]] });
  } finally {
    bundle.remove();
  }
});

describe("steps", () => {
  const id = { kind: "address", address: address("10.96.0.10"), protocol: "tcp", port: 80 } as const;
  const server = {
    id,
    key: null,
    scheduler: "rr",
    schedulerFlags: [],
    persistence: null,
    onePacket: false,
    realServers: [],
  } as const;
  const ipvsStep = (requests: readonly IpvsRequest[]) => ({ kind: "ipvs", requests, operations: [] }) as const;

  it("of routing and of flows are carried out", async () => {
    await routingExecutor.execute(host, { kind: "routing", changes: additions, operations: [] });
    expect((await readRouting(host, table)).ipv6.rules).toEqual([rule]);
    await routingExecutor.execute(host, { kind: "routing", changes: deletions, operations: [] });
    expect((await readRouting(host, table)).ipv6.rules).toEqual([]);
    await flowsExecutor.execute(host, { kind: "flows", flows: [], operations: [] });
  });

  it("of IPVS are refused where a kernel has none, but for what is to be deleted", async () => {
    const client = await openIpvs(host);
    // a kernel that has it is tried in the virtual machine
    expect(client === null ? [] : (await client.read()).servers).toEqual([]);
    client?.close();
    await ipvsExecutor.execute(host, ipvsStep([{ op: "delete-service", id }]));
    const adding = ipvsExecutor.execute(host, ipvsStep([{ op: "new-service", server }]));
    if (client === null) {
      await expect(adding).rejects.toMatchObject({ trouble: "unsupported", help: "modprobe ip_vs" });
    } else await adding;
  });

  it("of IPVS that make no sense are found without the kernel", async () => {
    const mark = { kind: "mark", family: "ipv4", mark: 0 } as const;
    await ipvsExecutor.check(host, ipvsStep([{ op: "new-service", server }]));
    await expect(
      ipvsExecutor.check(host, ipvsStep([{ op: "new-service", server: { ...server, id: mark } }])),
    ).rejects.toThrow("cannot add virtual server mark 0x0 (ipv4): a mark is a number from 1 to 0xffffffff");
  });
});
