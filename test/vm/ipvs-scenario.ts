import { expect } from "vitest";
import type { IrFrontend, IrRoute, NodeIr } from "../../compiler/ir/ir.ts";
import { clusterRoutes, frontend, localRoutes, nodePortFrontend, pool, testIr } from "../support/ir.ts";

/** Spec and connections of the IPVS test; addresses as in test/support/vm/topology.sh. */

const both = ["10.244.1.5:8080 local", "10.244.2.7:8080"];
const both6 = ["[fd00:10:244:1::5]:8080 local", "[fd00:10:244:2::7]:8080"];
const elsewhere = ["10.244.2.7:8080"];

function emptyFor(
  source: IrRoute["sources"],
  whenEmpty: "reject" | "drop",
  texts: readonly string[],
): readonly IrRoute[] {
  return [
    { sources: source, pool: pool("cluster", []), masquerade: false, whenEmpty },
    { sources: "any", pool: pool("local", texts), masquerade: true, whenEmpty: "reject" },
  ];
}

const nobody: readonly IrRoute[] = [
  { sources: "any", pool: pool("cluster", []), masquerade: false, whenEmpty: "reject" },
];

const frontends: readonly IrFrontend[] = [
  frontend("10.96.0.10:80", { key: "t/cluster", routes: clusterRoutes(both) }),
  frontend("10.96.0.10:53", { key: "t/udp", protocol: "udp", routes: clusterRoutes(both) }),
  frontend("10.96.0.11:80", { key: "t/nobody", routes: nobody }),
  frontend("10.96.0.11:53", { key: "t/nobody-udp", protocol: "udp", routes: nobody }),
  frontend("10.96.0.12:80", { key: "t/hairpin", routes: clusterRoutes(["10.244.1.5:8080 local"]) }),
  frontend("10.96.0.13:80", { key: "t/sticky", routes: clusterRoutes(both), affinitySeconds: 300 }),
  frontend("10.96.0.14:80", { key: "t/not-node", routes: emptyFor("node", "reject", both) }),
  frontend("10.96.0.15:80", { key: "t/not-pod", routes: emptyFor("pod", "drop", both) }),
  frontend("10.96.0.16:80", {
    key: "t/drained",
    routes: clusterRoutes(["10.244.1.5:8080 local", "10.244.2.7:8080 drained"]),
  }),
  frontend("10.96.0.20:80", {
    key: "t/direct",
    routes: clusterRoutes(["10.244.2.7:80"]),
    forwarding: { method: "direct" },
  }),
  frontend("10.96.0.21:80", {
    key: "t/tunnel",
    routes: clusterRoutes(["10.244.2.7:80"]),
    forwarding: { method: "tunnel", type: "ipip", port: null },
  }),
  frontend("192.0.2.7:80", { key: "t/local", kind: "load-balancer", routes: localRoutes(both) }),
  frontend("192.0.2.7:53", {
    key: "t/local-udp",
    kind: "load-balancer",
    protocol: "udp",
    routes: localRoutes(both),
  }),
  frontend("192.0.2.8:80", { key: "t/elsewhere", kind: "load-balancer", routes: localRoutes(elsewhere) }),
  frontend("192.0.2.9:80", {
    key: "t/ranged",
    kind: "load-balancer",
    routes: localRoutes(both),
    sourceRanges: ["203.0.113.0/24"],
  }),
  nodePortFrontend("ipv4", 30080, { key: "t/local", routes: localRoutes(both) }),
  nodePortFrontend("ipv4", 30053, { key: "t/local-udp", protocol: "udp", routes: localRoutes(both) }),
  nodePortFrontend("ipv4", 30081, { key: "t/nobody", routes: nobody }),
  nodePortFrontend("ipv4", 30082, { key: "t/sticky", routes: clusterRoutes(both), affinitySeconds: 300 }),
  nodePortFrontend("ipv4", 30083, { key: "t/ranged", routes: clusterRoutes(both), sourceRanges: ["203.0.113.0/24"] }),
  frontend("[fd00:10:96::10]:80", { key: "t/cluster", routes: clusterRoutes(both6) }),
  frontend("[fd00:10:96::11]:80", { key: "t/nobody", routes: nobody }),
  frontend("[fd00:10:96::12]:80", { key: "t/hairpin", routes: clusterRoutes(["[fd00:10:244:1::5]:8080 local"]) }),
  frontend("[fd00:10:96::14]:80", { key: "t/not-node", routes: emptyFor("node", "reject", both6) }),
  frontend("[2001:db8:2::7]:80", { key: "t/local", kind: "load-balancer", routes: localRoutes(both6) }),
  nodePortFrontend("ipv6", 30080, { key: "t/local", routes: localRoutes(both6) }),
];

export function scenarioIr(): NodeIr {
  return testIr({
    addresses: ["198.51.100.1", "2001:db8:1::1"],
    pods: ["10.244.0.0/16", "fd00:10:244::/56"],
    serviceRanges: ["10.96.0.0/16", "fd00:10:96::/112"],
    frontends,
  });
}

export interface Probe {
  readonly from: "out" | "pod1" | "pod2" | "node";
  readonly label: string;
  /** `tcp|udp ADDRESS PORT TIMES [SOURCE]` */
  readonly send: string;
  readonly expected: (results: readonly string[]) => void;
}

/** Every attempt ends so. */
const all = (outcome: string) => (results: readonly string[]) => expect(new Set(results)).toEqual(new Set([outcome]));

/** Attempts reach all these servers and no other, each seeing this client, or with null another than `not`. */
function reach(servers: readonly string[], client: string | null, not = "") {
  return (results: readonly string[]) => {
    const seen = results.map((result) => result.split(" "));
    expect(new Set(seen.map(([server, port]) => `${server} ${port}`)), results.join()).toEqual(
      new Set(servers.map((server) => `${server} 8080`)),
    );
    for (const [, , from] of seen) {
      if (client === null) expect(from).not.toBe(not);
      else expect(from).toBe(client);
    }
  };
}

/** All attempts reach one server, whichever. */
const one = (results: readonly string[]) => {
  expect(new Set(results.map((result) => result.split(" ").slice(0, 2).join(" "))).size, results.join()).toBe(1);
  expect(results[0]).toMatch(/ 8080 /);
};

const [near, far] = ["10.244.1.5", "10.244.2.7"];
const [near6, far6] = ["fd00:10:244:1::5", "fd00:10:244:2::7"];
const client = "198.51.100.2";
const client6 = "2001:db8:1::2";
const [pod2, pod26] = ["10.244.1.6", "fd00:10:244:1::6"];

export const probes: readonly Probe[] = [
  { from: "out", label: "cluster-vip", send: "tcp 10.96.0.10 80 4", expected: reach([near, far], null, client) },
  { from: "pod2", label: "cluster-vip", send: "tcp 10.96.0.10 80 4", expected: reach([near, far], pod2) },
  {
    from: "node",
    label: "cluster-vip",
    send: "tcp 10.96.0.10 80 4",
    expected: reach([near, far], null, "198.51.100.1"),
  },
  { from: "out", label: "cluster-udp", send: "udp 10.96.0.10 53 4", expected: reach([near, far], null, client) },
  { from: "pod2", label: "cluster-udp", send: "udp 10.96.0.10 53 4", expected: reach([near, far], pod2) },
  { from: "node", label: "cluster-udp", send: "udp 10.96.0.10 53 4", expected: reach([near, far], null) },
  ...(["out", "pod2", "node"] as const).flatMap((from): readonly Probe[] => [
    { from, label: "nobody", send: "tcp 10.96.0.11 80 1", expected: all("refused") },
    { from, label: "nobody-udp", send: "udp 10.96.0.11 53 1", expected: all("refused") },
    { from, label: "nobody-node-port", send: "tcp 198.51.100.1 30081 1", expected: all("refused") },
    { from, label: "undeclared-port", send: "tcp 10.96.0.10 81 1", expected: all("refused") },
    { from, label: "undeclared-udp", send: "udp 10.96.0.10 54 1", expected: all("refused") },
    { from, label: "unallocated", send: "tcp 10.96.0.99 80 1", expected: all("silence") },
    { from, label: "nobody6", send: "tcp fd00:10:96::11 80 1", expected: all("refused") },
    { from, label: "undeclared6", send: "tcp fd00:10:96::10 81 1", expected: all("refused") },
    { from, label: "unallocated6", send: "tcp fd00:10:96::99 80 1", expected: all("silence") },
    { from, label: "not-in-range", send: "tcp 192.0.2.9 80 1", expected: all("silence") },
    { from, label: "node-port-not-in-range", send: "tcp 198.51.100.1 30083 1", expected: all("silence") },
    { from, label: "sticky", send: "tcp 10.96.0.13 80 4", expected: one },
    { from, label: "sticky-node-port", send: "tcp 198.51.100.1 30082 4", expected: one },
    {
      from,
      label: "drained",
      send: "tcp 10.96.0.16 80 3",
      expected: reach([near], from === "pod2" ? pod2 : null, client),
    },
  ]),
  { from: "pod1", label: "hairpin", send: "tcp 10.96.0.12 80 2", expected: reach([near], null, near) },
  { from: "pod1", label: "hairpin6", send: "tcp fd00:10:96::12 80 2", expected: reach([near6], null, near6) },
  { from: "out", label: "not-node", send: "tcp 10.96.0.14 80 4", expected: reach([near, far], null, client) },
  { from: "node", label: "not-node", send: "tcp 10.96.0.14 80 2", expected: all("refused") },
  { from: "node", label: "not-node6", send: "tcp fd00:10:96::14 80 2", expected: all("refused") },
  { from: "out", label: "not-node6", send: "tcp fd00:10:96::14 80 4", expected: reach([near6, far6], null, client6) },
  { from: "pod2", label: "not-pod", send: "tcp 10.96.0.15 80 1", expected: all("silence") },
  { from: "node", label: "not-pod", send: "tcp 10.96.0.15 80 4", expected: reach([near, far], null) },
  { from: "pod2", label: "direct", send: "tcp 10.96.0.20 80 2", expected: all(`10.96.0.20 80 ${pod2}`) },
  { from: "out", label: "direct", send: "tcp 10.96.0.20 80 2", expected: all("10.96.0.20 80 10.244.2.1") },
  { from: "node", label: "direct", send: "tcp 10.96.0.20 80 2", expected: all("10.96.0.20 80 10.244.2.1") },
  { from: "pod2", label: "tunnel", send: "tcp 10.96.0.21 80 2", expected: all(`10.96.0.21 80 ${pod2}`) },
  { from: "out", label: "tunnel", send: "tcp 10.96.0.21 80 2", expected: all(`10.96.0.21 80 ${client}`) },
  { from: "node", label: "tunnel", send: "tcp 10.96.0.21 80 2", expected: all("10.96.0.21 80 198.51.100.1") },
  { from: "out", label: "local", send: "tcp 192.0.2.7 80 4", expected: reach([near], client) },
  { from: "pod2", label: "local", send: "tcp 192.0.2.7 80 4", expected: reach([near, far], pod2) },
  { from: "node", label: "local", send: "tcp 192.0.2.7 80 4", expected: reach([near, far], null, "198.51.100.1") },
  { from: "out", label: "local-udp", send: "udp 192.0.2.7 53 4", expected: reach([near], client) },
  { from: "pod2", label: "local-udp", send: "udp 192.0.2.7 53 4", expected: reach([near, far], pod2) },
  { from: "node", label: "local-udp", send: "udp 192.0.2.7 53 4", expected: reach([near, far], null) },
  { from: "out", label: "elsewhere", send: "tcp 192.0.2.8 80 1", expected: all("silence") },
  { from: "pod2", label: "elsewhere", send: "tcp 192.0.2.8 80 2", expected: reach([far], pod2) },
  { from: "node", label: "elsewhere", send: "tcp 192.0.2.8 80 2", expected: reach([far], null) },
  { from: "out", label: "in-range", send: "tcp 192.0.2.9 80 2 203.0.113.5", expected: reach([near], "203.0.113.5") },
  {
    from: "out",
    label: "node-port-in-range",
    send: "tcp 198.51.100.1 30083 2 203.0.113.5",
    expected: reach([near, far], null),
  },
  { from: "out", label: "node-port", send: "tcp 198.51.100.1 30080 4", expected: reach([near], client) },
  { from: "pod2", label: "node-port", send: "tcp 198.51.100.1 30080 4", expected: reach([near, far], pod2) },
  { from: "node", label: "node-port", send: "tcp 198.51.100.1 30080 4", expected: reach([near, far], null) },
  {
    from: "out",
    label: "node-port-undeclared-address",
    send: "tcp 10.244.2.1 30080 4",
    expected: reach([near], client),
  },
  { from: "out", label: "node-port-udp", send: "udp 198.51.100.1 30053 4", expected: reach([near], client) },
  { from: "node", label: "node-port-udp", send: "udp 198.51.100.1 30053 4", expected: reach([near, far], null) },
  { from: "out", label: "cluster6", send: "tcp fd00:10:96::10 80 4", expected: reach([near6, far6], null, client6) },
  { from: "pod2", label: "cluster6", send: "tcp fd00:10:96::10 80 4", expected: reach([near6, far6], pod26) },
  { from: "node", label: "cluster6", send: "tcp fd00:10:96::10 80 4", expected: reach([near6, far6], null) },
  { from: "out", label: "local6", send: "tcp 2001:db8:2::7 80 4", expected: reach([near6], client6) },
  { from: "pod2", label: "local6", send: "tcp 2001:db8:2::7 80 4", expected: reach([near6, far6], pod26) },
  {
    from: "node",
    label: "local6",
    send: "tcp 2001:db8:2::7 80 4",
    expected: reach([near6, far6], null, "2001:db8:1::1"),
  },
  { from: "out", label: "node-port6", send: "tcp 2001:db8:1::1 30080 4", expected: reach([near6], client6) },
  { from: "pod2", label: "node-port6", send: "tcp 2001:db8:1::1 30080 4", expected: reach([near6, far6], pod26) },
  { from: "node", label: "node-port6", send: "tcp 2001:db8:1::1 30080 4", expected: reach([near6, far6], null) },
];
