import { describe, expect, it } from "vitest";
import type { IrFrontend, IrPool } from "../../../compiler/ir/ir.ts";
import { resolveNode } from "../../../compiler/ir/resolve.ts";
import type { ServiceSpec, Spec } from "../../../compiler/spec/schema.ts";
import { address, prefix } from "../../support/net.ts";
import { balancer, claim, draining, endpoint, node, port, service, spec } from "../../support/spec.ts";

const here = { node: "worker-1" };
const there = { node: "worker-2" };

function resolve(given: Partial<ServiceSpec>, cluster: Partial<Spec["cluster"]> = {}, self = node()) {
  return resolveNode(spec({ services: [service(given)], cluster, nodes: [self] }), self).ir;
}

function only(frontends: readonly IrFrontend[], kind: IrFrontend["kind"]): IrFrontend {
  const found = frontends.filter((frontend) => frontend.kind === kind);
  expect(found).toHaveLength(1);
  const [first] = found;
  if (first === undefined) throw new Error(`no ${kind} frontend`);
  return first;
}

function summary(pool: IrPool): string {
  return pool.endpoints.map((item) => `${item.address.text}*${item.weight}`).join(" ");
}

function routesOf(frontend: IrFrontend): readonly string[] {
  return frontend.routes.map(
    (route) =>
      `${route.sources} ${route.pool.scope}${route.masquerade ? " masquerade" : ""}${route.pool.endpoints.length === 0 ? ` ${route.whenEmpty}` : ""}`,
  );
}

describe("pools", () => {
  it.each<[string, readonly ReturnType<typeof endpoint>[], string, string]>([
    [
      "ready endpoints, in address order",
      [endpoint("10.244.2.7", there), endpoint("10.244.1.5", here)],
      "10.244.1.5*1 10.244.2.7*1",
      "10.244.1.5*1",
    ],
    [
      "weights without their common divisor",
      [endpoint("10.244.1.5", { weight: 30 }), endpoint("10.244.1.6", { weight: 20 })],
      "10.244.1.5*3 10.244.1.6*2",
      "",
    ],
    ["weight 0 takes nothing new", [endpoint("10.244.1.5", { weight: 0 }), endpoint("10.244.1.6")], "10.244.1.6*1", ""],
    ["draining gives way to ready", [endpoint("10.244.1.5", draining), endpoint("10.244.1.6")], "10.244.1.6*1", ""],
    ["draining is used when nothing is ready", [endpoint("10.244.1.5", draining)], "10.244.1.5*1", ""],
    ["not ready and not terminating is not usable", [endpoint("10.244.1.5", { ready: false, serving: true })], "", ""],
    [
      "terminating and no longer serving is not usable",
      [endpoint("10.244.1.5", { ready: false, serving: false, terminating: true })],
      "",
      "",
    ],
    [
      "the local set falls back on its own",
      [endpoint("10.244.2.7", there), endpoint("10.244.1.5", { ...draining, ...here })],
      "10.244.2.7*1",
      "10.244.1.5*1",
    ],
  ])("%s", (_, endpoints, cluster, local) => {
    const ir = resolve({ externals: [claim("203.0.113.80")], externalPolicy: "local", endpoints });
    const external = only(ir.frontends.ipv4, "external");
    const pools = new Map(external.routes.map((route) => [route.pool.scope, summary(route.pool)]));
    const clusterPool = only(ir.frontends.ipv4, "cluster").routes[0]?.pool;
    expect(clusterPool && summary(clusterPool)).toBe(cluster);
    if (local !== "" || endpoints.some((one) => one.node !== null)) expect(pools.get("local")).toBe(local);
  });

  it("keep draining and weightless endpoints apart for the connections they have", () => {
    const ir = resolve({
      endpoints: [endpoint("10.244.1.5", draining), endpoint("10.244.1.6"), endpoint("10.244.1.7", { weight: 0 })],
    });
    const pool = only(ir.frontends.ipv4, "cluster").routes[0]?.pool;
    expect(pool?.drained.map((item) => `${item.address.text}*${item.weight}`)).toEqual([
      "10.244.1.5*0",
      "10.244.1.7*0",
    ]);
  });

  it("count an address and port once, local first", () => {
    const ports = [{ name: "http", protocol: "tcp" as const, port: 8080 }];
    const ir = resolve({ endpoints: [endpoint("10.244.1.5", { ports }), endpoint("10.244.1.5", { ports, ...here })] });
    expect(only(ir.frontends.ipv4, "cluster").routes[0]?.pool.endpoints.map((item) => item.local)).toEqual([true]);
  });

  it("hold only endpoints that serve the port, at their own number", () => {
    const ir = resolve({
      endpoints: [
        endpoint("10.244.1.5", { ports: [{ name: "http", protocol: "tcp", port: 9000 }] }),
        endpoint("10.244.1.6", { ports: [{ name: "http", protocol: "udp", port: 9000 }] }),
        endpoint("10.244.1.7", { ports: [] }),
        endpoint("10.244.1.8"),
      ],
    });
    const pool = only(ir.frontends.ipv4, "cluster").routes[0]?.pool;
    expect(pool?.endpoints.map((item) => `${item.address.text}:${item.port}`)).toEqual([
      "10.244.1.5:9000",
      "10.244.1.8:8080",
    ]);
  });
});

describe("topology", () => {
  const zoned = node({ zone: "a" });
  const inZone = (text: string, ...zones: readonly string[]) => endpoint(text, { hints: { zones, nodes: [] } });
  const onNode = (text: string, nodes: readonly string[], zones: readonly string[]) =>
    endpoint(text, { hints: { nodes, zones } });
  const hinted = (endpoints: readonly ReturnType<typeof endpoint>[], self = zoned) => {
    const pool = only(resolve({ endpoints }, {}, self).frontends.ipv4, "cluster").routes[0]?.pool;
    return pool === undefined ? "" : summary(pool);
  };

  it.each<[string, readonly ReturnType<typeof endpoint>[], string]>([
    ["keeps the zone's endpoints", [inZone("10.0.0.1", "a"), inZone("10.0.0.2", "b")], "10.0.0.1*1"],
    ["an endpoint may hint at several zones", [inZone("10.0.0.1", "b", "a"), inZone("10.0.0.2", "b")], "10.0.0.1*1"],
    [
      "one endpoint without a hint turns it off",
      [inZone("10.0.0.1", "a"), endpoint("10.0.0.2")],
      "10.0.0.1*1 10.0.0.2*1",
    ],
    ["no hint at this zone turns it off", [inZone("10.0.0.1", "b"), inZone("10.0.0.2", "b")], "10.0.0.1*1 10.0.0.2*1"],
    [
      "endpoints that are not ready are left out of the judgement",
      [inZone("10.0.0.1", "a"), endpoint("10.0.0.2", draining), inZone("10.0.0.3", "b")],
      "10.0.0.1*1",
    ],
    [
      "same-node hints win over zones",
      [onNode("10.0.0.1", ["worker-1"], ["a"]), onNode("10.0.0.2", ["worker-2"], ["a"])],
      "10.0.0.1*1",
    ],
    [
      "without one at this node, zones decide",
      [onNode("10.0.0.1", ["worker-2"], ["a"]), onNode("10.0.0.2", ["worker-3"], ["b"])],
      "10.0.0.1*1",
    ],
  ])("%s", (_, endpoints, expected) => expect(hinted(endpoints)).toBe(expected));

  it("is off on a node without a zone", () => {
    expect(hinted([inZone("10.0.0.1", "a"), inZone("10.0.0.2", "b")], node())).toBe("10.0.0.1*1 10.0.0.2*1");
  });

  it("never narrows the local set", () => {
    const hints = { zones: ["b"], nodes: [] };
    const endpoints = [endpoint("10.0.0.1", { hints, ...here }), inZone("10.0.0.2", "a")];
    const frontend = only(resolve({ internalPolicy: "local", endpoints }, {}, zoned).frontends.ipv4, "cluster");
    expect(frontend.routes.map((route) => summary(route.pool))).toEqual(["10.0.0.1*1", "10.0.0.1*1"]);
  });

  it("comes from where endpoints run when the service prefers its zone", () => {
    const other = node({ name: "worker-2", zone: "b" });
    const web = service({
      traffic: "prefer-zone",
      endpoints: [endpoint("10.0.0.1", here), endpoint("10.0.0.2", there)],
    });
    const ir = resolveNode(spec({ services: [web], nodes: [zoned, other] }), zoned).ir;
    expect(only(ir.frontends.ipv4, "cluster").routes.map((route) => summary(route.pool))).toEqual([
      "10.0.0.1*1",
      "10.0.0.1*1",
    ]);
  });
});

describe("routes", () => {
  const endpoints = [endpoint("10.244.1.5", here), endpoint("10.244.2.7", there)];
  const remote = [endpoint("10.244.2.7", there)];
  const external = { externals: [claim("203.0.113.80")] };
  it.each<[string, IrFrontend["kind"], Partial<ServiceSpec>, Partial<Spec["cluster"]>, readonly string[]]>([
    ["a VIP masquerades what is no pod", "cluster", { endpoints }, {}, ["pod cluster", "any cluster masquerade"]],
    ["a VIP without a detector masquerades nothing", "cluster", { endpoints }, { pods: [] }, ["any cluster"]],
    [
      "a VIP under masquerade-all masquerades everything",
      "cluster",
      { endpoints },
      { masqueradeAll: true },
      ["any cluster masquerade"],
    ],
    [
      "masquerade-all does not touch external addresses with policy local",
      "external",
      { ...external, endpoints, externalPolicy: "local" },
      { masqueradeAll: true },
      ["pod cluster", "node cluster masquerade", "any local"],
    ],
    [
      "direct routing keeps every source",
      "cluster",
      { endpoints, forwarding: { method: "direct" } },
      {},
      ["pod cluster", "any cluster"],
    ],
    [
      "the internal policy picks the pool only",
      "cluster",
      { endpoints, internalPolicy: "local" },
      {},
      ["pod local", "any local masquerade"],
    ],
    [
      "internal policy local with nothing here drops",
      "cluster",
      { endpoints: remote, internalPolicy: "local" },
      {},
      ["any local drop"],
    ],
    ["a VIP without endpoints rejects", "cluster", {}, {}, ["any cluster reject"]],
    [
      "external policy cluster masquerades always",
      "external",
      { ...external, endpoints },
      {},
      ["any cluster masquerade"],
    ],
    [
      "external policy local short-circuits pods and the node",
      "external",
      { ...external, endpoints, externalPolicy: "local" },
      {},
      ["pod cluster", "node cluster masquerade", "any local"],
    ],
    [
      "without a detector only the node",
      "external",
      { ...external, endpoints, externalPolicy: "local" },
      { pods: [] },
      ["node cluster masquerade", "any local"],
    ],
    [
      "with nothing here the outside is dropped",
      "external",
      { ...external, endpoints: remote, externalPolicy: "local" },
      {},
      ["pod cluster", "node cluster masquerade", "any local drop"],
    ],
    [
      "with nothing anywhere all is rejected",
      "external",
      { ...external, externalPolicy: "local" },
      {},
      ["any local reject"],
    ],
    [
      "the external policy says nothing of VIPs",
      "cluster",
      { ...external, endpoints, externalPolicy: "local" },
      {},
      ["pod cluster", "any cluster masquerade"],
    ],
    [
      "the internal policy says nothing of external addresses",
      "external",
      { ...external, endpoints, internalPolicy: "local" },
      {},
      ["any cluster masquerade"],
    ],
    [
      "node ports follow the external policy",
      "node-port",
      { ports: [port({ nodePort: 30080 })], endpoints, externalPolicy: "local" },
      {},
      ["pod cluster", "node cluster masquerade", "any local"],
    ],
  ])("%s", (_, kind, given, cluster, expected) => {
    expect(routesOf(only(resolve(given, cluster).frontends.ipv4, kind))).toEqual(expected);
  });
});

describe("source ranges", () => {
  const endpoints = [endpoint("10.244.1.5", here)];
  const rangesOf = (allow: readonly string[] | null, given: Partial<ServiceSpec> = { endpoints }) => {
    const frontend = only(
      resolve({ loadBalancers: [balancer("198.51.100.7", allow)], ...given }).frontends.ipv4,
      "load-balancer",
    );
    return frontend.sourceRanges?.map((range) => range.text) ?? null;
  };

  it.each<[string, readonly string[] | null, readonly string[] | null]>([
    ["none given: everyone", null, null],
    ["covered ones are left out", ["203.0.113.0/24", "203.0.113.7/32"], ["203.0.113.0/24"]],
    ["ranges of the other family alone: everyone", ["2001:db8::/32"], null],
    ["a range with the node in it lets the address itself in", ["192.0.2.0/24"], ["192.0.2.0/24", "198.51.100.7/32"]],
    ["a range of everything is no range", ["0.0.0.0/0", "10.0.0.0/8"], null],
  ])("%s", (_, allow, expected) => expect(rangesOf(allow)).toEqual(expected));

  it("do not count while nothing is served: then everyone is rejected", () => {
    expect(rangesOf(["203.0.113.0/24"], { endpoints: [] })).toBeNull();
  });
});

describe("node ports", () => {
  const given = { ports: [port({ nodePort: 30080 })] };

  it("are served in the families of the VIPs", () => {
    const dual = resolve({ ...given, vips: [claim("10.96.0.10"), claim("fd00::10")] });
    expect([dual.frontends.ipv4, dual.frontends.ipv6].map((list) => list.map((item) => item.kind))).toEqual([
      ["cluster", "node-port"],
      ["cluster", "node-port"],
    ]);
    expect(resolve(given).frontends.ipv6).toEqual([]);
  });

  it.each<[string, Spec["cluster"]["nodePortAddresses"], unknown]>([
    ["any address", { kind: "any" }, { kind: "any" }],
    [
      "those in ranges",
      { kind: "prefixes", prefixes: [prefix("192.0.2.0/24")] },
      { kind: "prefixes", prefixes: [prefix("192.0.2.0/24")] },
    ],
    ["a family without a range: any", { kind: "prefixes", prefixes: [prefix("2001:db8::/32")] }, { kind: "any" }],
    [
      "a range of everything: any",
      { kind: "prefixes", prefixes: [prefix("0.0.0.0/0"), prefix("192.0.2.0/24")] },
      { kind: "any" },
    ],
    ["the primary address", { kind: "primary" }, { kind: "prefixes", prefixes: [prefix("192.0.2.11/32")] }],
  ])("select %s", (_, nodePortAddresses, expected) => {
    expect(resolve(given, { nodePortAddresses }).nodePortAddresses.ipv4).toEqual(expected);
  });

  it("need an address of the node when the primary one is asked for", () => {
    const self = node({ addresses: [] });
    const { diagnostics } = resolveNode(
      spec({ services: [service(given)], cluster: { nodePortAddresses: { kind: "primary" } }, nodes: [self] }),
      self,
    );
    expect(diagnostics.map((finding) => finding.code)).toEqual(["spec/primary-without-address"]);
  });
});

it("orders frontends for dispatch: addresses, then node ports", () => {
  const ir = resolve({
    vips: [claim("10.96.0.10")],
    externals: [claim("10.96.0.9")],
    ports: [port({ name: "dns", protocol: "udp", port: 53 }), port({ name: "web", port: 80, nodePort: 30080 })],
  });
  expect(ir.frontends.ipv4.map((item) => `${item.address?.text ?? "node"} ${item.protocol} ${item.port}`)).toEqual([
    "10.96.0.9 tcp 80",
    "10.96.0.9 udp 53",
    "10.96.0.10 tcp 80",
    "10.96.0.10 udp 53",
    "node tcp 30080",
  ]);
});

it("lets hairpins happen for endpoints here or in the node's pod ranges", () => {
  const ir = resolve({
    endpoints: [endpoint("192.0.2.99", here), endpoint("10.244.1.5"), endpoint("10.244.2.7", there)],
  });
  const pool = only(ir.frontends.ipv4, "cluster").routes[0]?.pool;
  expect(pool?.endpoints.map((item) => [item.address.text, item.mayHairpin])).toEqual([
    ["10.244.1.5", true],
    ["10.244.2.7", false],
    ["192.0.2.99", true],
  ]);
});

it("uses bits of the mark as unsigned numbers", () => {
  expect(resolve({}, { dropBit: 31 }).marks).toEqual({ masquerade: 0x4000, drop: 0x80000000, reject: 0x1000 });
});

it("knows the node's own addresses", () => {
  expect(resolve({}).node.addresses).toEqual([address("192.0.2.11")]);
});
