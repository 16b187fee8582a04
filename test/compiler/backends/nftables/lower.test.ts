import { describe, expect, it } from "vitest";
import { nftablesBackend } from "../../../../compiler/backends/nftables/backend.ts";
import {
  anyRoute,
  clusterRoutes,
  type FrontendOptions,
  frontend,
  type IrOptions,
  localRoutes,
  nodePortFrontend,
  pool,
} from "../../../support/ir.ts";
import { block, elements, lower } from "./support.ts";

const pods = ["10.244.0.0/16", "fd00:10:244::/56"];
const two = ["10.244.1.5:8080 x3 local", "10.244.2.7:8080"];

function vip(options: FrontendOptions, ir: Partial<IrOptions> = {}) {
  return lower({ pods, ...ir, frontends: [frontend("10.96.0.10:80", options)] });
}

describe("dispatch", () => {
  it("makes a cluster VIP one element, which masquerades all but pods", () => {
    const program = vip({ routes: clusterRoutes(two) });
    expect(elements(program, "ip", "frontends")).toEqual([
      '10.96.0.10 . tcp . 80 comment "shop/web:http" : goto masquerade-unless-pod-pick-4',
    ]);
    expect(elements(program, "ip", "frontends-from-pods")).toEqual([]);
    expect(elements(program, "ip", "frontends-from-node")).toEqual([]);
    expect(block(program, "ip", "masquerade-unless-pod-pick-4")).toEqual([
      "chain masquerade-unless-pod-pick-4 { ip saddr != @pods meta mark set meta mark | 0x00004000; goto pick-4; }",
    ]);
    expect(block(program, "ip", "pick-4")).toEqual([
      "chain pick-4 { meta priority set numgen random mod 4 offset 1459617792 goto translate; }",
    ]);
  });

  it("sends pods and the node another way under external policy local", () => {
    const program = vip({ kind: "load-balancer", routes: localRoutes(two) });
    const key = '10.96.0.10 . tcp . 80 comment "shop/web:http"';
    expect(elements(program, "ip", "frontends-from-pods")).toEqual([`${key} : goto pick-4`]);
    expect(elements(program, "ip", "frontends-from-node")).toEqual([`${key} : goto masquerade-pick-4`]);
    expect(elements(program, "ip", "frontends")).toEqual([`${key} : goto pick2-1`]);
    expect(elements(program, "ip", "pool").join(", ")).toContain("10.96.0.10 . tcp . 80 . 5800:0 : 10.244.1.5 . 8080");
  });

  it("drops outsiders where no endpoint is local, and only them", () => {
    const program = vip({ kind: "external", routes: localRoutes(["10.244.2.7:8080"]) });
    expect(elements(program, "ip", "frontends")).toEqual(['10.96.0.10 . tcp . 80 comment "shop/web:http" : drop']);
    expect(elements(program, "ip", "frontends-from-pods")[0]).toContain(": goto pick-1");
  });

  it("refuses frontends of empty pools", () => {
    const program = vip({ routes: clusterRoutes([]) });
    expect(elements(program, "ip", "frontends")[0]).toContain(": goto refuse");
    expect(block(program, "ip", "refuse")).toEqual(["chain refuse { reject; }"]);
  });

  it("keeps pods from the node's element when they have no route of their own", () => {
    const cluster = pool("cluster", two);
    const local = pool("local", ["10.244.1.5:8080 local"]);
    const program = vip({
      routes: [
        { sources: "node", pool: cluster, masquerade: true, whenEmpty: "reject" },
        { sources: "any", pool: local, masquerade: false, whenEmpty: "drop" },
      ],
    });
    expect(elements(program, "ip", "frontends-from-pods")[0]).toContain(": goto pick2-1");
  });

  it("has no map of pods' frontends without a detector", () => {
    const program = lower({ frontends: [frontend("10.96.0.10:80", { routes: localRoutes(two, false) })] });
    expect(() => block(program, "ip", "frontends-from-pods")).toThrow("has no frontends-from-pods");
    expect(block(program, "ip", "services").join("\n")).not.toContain("@pods");
  });

  it("serves node ports by protocol and port alone, after all addresses", () => {
    const program = lower({
      pods,
      nodePortAddresses: ["192.0.2.0/24"],
      frontends: [nodePortFrontend("ipv4", 30080, { routes: anyRoute(two, true) })],
    });
    expect(elements(program, "ip", "node-ports")).toEqual([
      'tcp . 30080 comment "shop/web:http" : goto masquerade-node-port-pick-4',
    ]);
    expect(elements(program, "ip", "node-port-pool")).toHaveLength(2);
    expect(block(program, "ip", "services")).toContain(
      "ip daddr != 127.0.0.0/8 ip daddr @node-port-addresses fib daddr type local jump serve-node-ports",
    );
  });

  it("puts source ranges into an interval set, and an empty list shuts everyone out", () => {
    const open = vip({ routes: anyRoute(two), sourceRanges: ["198.51.100.0/24", "0.0.0.0/1"] });
    expect(elements(open, "ip", "allowed")).toEqual([
      "10.96.0.10 . tcp . 80 . 0.0.0.0/1",
      "10.96.0.10 . tcp . 80 . 198.51.100.0/24",
    ]);
    const shut = vip({ routes: anyRoute(two), sourceRanges: [] });
    expect(elements(shut, "ip", "ranged")).toHaveLength(1);
    expect(elements(shut, "ip", "allowed")).toEqual([]);
  });
});

describe("detectors", () => {
  const detected = (detector: IrOptions["detector"]) => {
    const program = lower({
      ...(detector === undefined ? {} : { detector }),
      frontends: [frontend("10.96.0.10:80", { routes: clusterRoutes(two) })],
    });
    return block(program, "ip", "masquerade-unless-pod-pick-4")[0];
  };

  it("match an input interface exactly or by its beginning", () => {
    expect(detected({ kind: "interface", name: "cni0" })).toContain('{ iifname != "cni0" meta mark set');
    expect(detected({ kind: "interface-prefix", prefix: "veth" })).toContain('{ iifname != "veth*" meta mark set');
  });
});

describe("affinity", () => {
  it("remembers the number of an endpoint, which slots lead to", () => {
    const program = vip({ routes: anyRoute(two), affinitySeconds: 10800 });
    expect(elements(program, "ip", "pool")).toEqual([
      "10.96.0.10 . tcp . 80 . 57fa:8116 : 10.244.1.5 . 8080",
      "10.96.0.10 . tcp . 80 . 5793:8e65 : 10.244.2.7 . 8080",
    ]);
    expect(elements(program, "ip", "slots").map((line) => line.split(", ").length)).toEqual([4]);
    expect(block(program, "ip", "sticky-4-10800s")).toEqual([
      "chain sticky-4-10800s { jump remembered-10800s; meta priority set numgen random mod 4 offset 1459617792 goto remember-10800s; }",
    ]);
  });

  it("never finds a VIP's entry among the node ports, nor the other way round", () => {
    const options = { routes: anyRoute(two), affinitySeconds: 60 };
    const program = lower({
      frontends: [frontend("10.96.0.10:30080", options), nodePortFrontend("ipv4", 30080, options)],
    });
    expect(block(program, "ip", "translate").join(" ")).not.toContain("node-port-pool");
    expect(block(program, "ip", "node-port-translate").join(" ")).not.toContain("@pool");
    expect(block(program, "ip", "remembered-60s").at(-1)).toMatch(/jump translate$/);
    expect(block(program, "ip", "node-port-remembered-60s").at(-1)).toMatch(/jump node-port-translate/);
  });

  it("groups clients by a netmask where the spec gives one", () => {
    const program = vip({ routes: anyRoute(two), affinitySeconds: 60, affinityNetmask: { ipv4: 24, ipv6: 128 } });
    expect(block(program, "ip", "remembered-60s-net24").join(" ")).toContain("{ ip saddr & 255.255.255.0 . ip daddr");
  });

  it("hashes IPv6 clients into keys that nft can update", () => {
    const program = lower({
      pods,
      frontends: [
        frontend("[fd00::1]:53", { protocol: "udp", affinitySeconds: 60, routes: anyRoute(["[fd00::5]:53"]) }),
      ],
    });
    expect(block(program, "ip6", "affinity")).toEqual([
      "map affinity { typeof meta length . meta length . meta l4proto . th dport : meta priority; flags dynamic,timeout; size 262144; }",
    ]);
    expect(block(program, "ip6", "remembered-60s").join(" ")).toContain(
      "jhash ip6 saddr . ip6 daddr mod 4294967295 seed 0x1 . jhash ip6 saddr . ip6 daddr mod 4294967295 seed 0x2",
    );
  });
});

describe("pools too wide for slots", () => {
  const wide = ["10.244.1.5:8080 x1000", "10.244.2.7:8080 x3001"];

  it("choose by ranges of one random number, exactly by weight", () => {
    const program = vip({ routes: anyRoute(wide) });
    const [table] = program.tables;
    const weights = table?.sets.find(({ name }) => name.startsWith("weights-"));
    expect(weights?.kind === "map" && weights.elements.map(({ key }) => key[0])).toEqual([
      { first: 0, last: 999 },
      { first: 1000, last: 4000 },
    ]);
    const chain = table?.chains.find(({ name }) => name.startsWith("pick-wide-shop-web-http-"));
    expect(chain?.rules[0]?.[0]).toEqual({
      kind: "assign",
      field: "priority",
      value: { kind: "lookup", key: { kind: "random", modulus: 4001, offset: 0 }, map: weights?.name },
    });
    expect(elements(program, "ip", "pool")).toHaveLength(2);
  });
});

describe("tables", () => {
  it("are left out for a family in which nothing is served or refused", () => {
    expect(vip({ routes: anyRoute(two) }).tables.map(({ family }) => family)).toEqual(["ip"]);
    expect(nftablesBackend.print(lower({ frontends: [] }))).toEqual([]);
  });

  it("are kept for service ranges alone, whose addresses are dropped", () => {
    expect(lower({ frontends: [], serviceRanges: ["fd00::/112"] }).tables.map(({ family }) => family)).toEqual(["ip6"]);
  });

  it("list every endpoint that may be its own client once", () => {
    const program = lower({
      frontends: [
        frontend("10.96.0.10:80", { routes: anyRoute(two) }),
        frontend("10.96.0.10:81", { routes: anyRoute(["10.244.1.5:9090 local", "10.244.1.4:9090 hairpin"]) }),
      ],
    });
    expect(elements(program, "ip", "hairpin")).toEqual(["10.244.1.4 . 10.244.1.4", "10.244.1.5 . 10.244.1.5"]);
  });

  it("state what a node needs", () => {
    const requirements = nftablesBackend.requirements(vip({ routes: anyRoute(two) }));
    expect(requirements.find(({ kind }) => kind === "kernel")?.value).toBe("5.9");
    expect(requirements.map(({ name }) => name)).toContain("net.ipv4.ip_forward");
    expect(requirements.map(({ name }) => name)).not.toContain("nft_fib_ipv6");
    expect(nftablesBackend.requirements({ tables: [] })).toEqual([]);
  });

  it("name their chains and sets in order, each once", () => {
    const names = nftablesBackend.names(vip({ routes: anyRoute(two) })).map(({ name }) => name);
    expect(names).toEqual([...new Set(names)].sort());
    expect(names).toContain("pick-4");
  });
});
