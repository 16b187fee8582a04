import { describe, expect, it } from "vitest";
import type { ProxyFrontend, ProxyListener, ProxyTable } from "../../../compiler/backends/userspace/program.ts";
import { type Prefix, parsePrefix } from "../../../compiler/net/address.ts";
import { joinPlans, planProxy, usualPortRange } from "../../../runtime/proxy/plan.ts";
import { admit, type Gate } from "../../../runtime/proxy/sources.ts";
import { address, tableOf } from "../../support/proxy.ts";

const node = [address("192.0.2.11"), address("192.0.2.12"), address("2001:db8::11")];
const onLoopback = { kind: "addresses", addresses: [address("127.0.0.1")], range: usualPortRange } as const;
const services = { kind: "services" } as const;
const rules = { kind: "rules" } as const;

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.value;
}

const endpoints = [{ port: 8080 }];
const two = tableOf([
  { name: "shop/web", port: 80, endpoints },
  { name: "shop/api", port: 80, endpoints },
]);
const listener = (more: Partial<ProxyListener>): ProxyTable => ({
  ...two,
  listeners: two.listeners.map((one) => ({ ...one, ...more })),
});
const frontend = (more: Partial<ProxyFrontend>): ProxyTable => ({
  ...two,
  frontends: two.frontends.slice(0, 1).map((one) => ({ ...one, ...more })),
});
const placesOf = (table: ProxyTable, mode: Parameters<typeof planProxy>[1]) =>
  planProxy(table, mode, node).bindings.map(({ protocol, address, ports }) => `${protocol} ${address.text} ${ports}`);

describe("behind rules", () => {
  it("a listener is where the table has it", () => {
    expect(placesOf(two, rules)).toEqual(["tcp 127.0.0.1 80", "tcp 127.0.0.1 80"]);
  });

  it("one without an address is on every address of the node, of its family", () => {
    expect(placesOf(listener({ address: null, port: 17_000 }), rules).slice(0, 2)).toEqual([
      "tcp 192.0.2.11 17000",
      "tcp 192.0.2.12 17000",
    ]);
    expect(placesOf(listener({ address: null, family: "ipv6" }), rules)).toContain("tcp 2001:db8::11 80");
  });
});

describe("on given addresses", () => {
  it("the first service of a port number has it, the others always the same of the range", () => {
    const [first, second] = planProxy(two, onLoopback, node).bindings;
    expect([first?.serves, second?.serves]).toEqual(["10.96.0.1:80", "10.96.0.2:80"]);
    expect(first?.ports[0]).toBe(80);
    expect(first?.ports[1]).toBeGreaterThanOrEqual(20_000);
    expect(second?.ports).toHaveLength(1);
    const alone = planProxy({ ...two, frontends: two.frontends.slice(1) }, onLoopback, node).bindings[0];
    expect(alone?.ports).toEqual([80, ...(second?.ports ?? [])]);
  });

  it("the wildcard is every address, each by itself", () => {
    const all = { ...onLoopback, addresses: [address("0.0.0.0")] };
    const places = planProxy(frontend({}), all, node).bindings.map((binding) => binding.address.text);
    expect(places).toEqual(["127.0.0.1", "192.0.2.11", "192.0.2.12"]);
  });
});

describe("on the addresses of services", () => {
  it("a frontend is on its own, a node port on those of the node that are selected", () => {
    expect(placesOf(frontend({}), services)).toEqual(["tcp 10.96.0.1 80"]);
    const nodePort = frontend({ kind: "node-port", address: null, port: 30_080 });
    expect(placesOf(nodePort, services)).toEqual(["tcp 192.0.2.11 30080", "tcp 192.0.2.12 30080"]);
    const selected = { kind: "prefixes", prefixes: [prefix("192.0.2.12/32")] } as const;
    expect(placesOf({ ...nodePort, nodePortAddresses: { ipv4: selected, ipv6: selected } }, services)).toEqual([
      "tcp 192.0.2.12 30080",
    ]);
  });
});

describe("several tables", () => {
  it("are listened for together, and the last one says where connections go", () => {
    const before = planProxy(two, services, node);
    const after = planProxy(
      tableOf([
        { name: "shop/web", port: 80, endpoints: [{ port: 9090 }] },
        { name: "shop/new", port: 81, endpoints },
      ]),
      services,
      node,
    );
    const { bindings, pools } = joinPlans([before, after]);
    expect(bindings.map(({ id }) => id)).toEqual(["tcp 10.96.0.1:80", "tcp 10.96.0.2:80", "tcp 10.96.0.2:81"]);
    expect(pools.get("shop/web:http")?.endpoints[0]?.port).toBe(9090);
    expect([...pools.keys()]).toEqual(["shop/web:http", "shop/api:http", "shop/new:http"]);
  });
});

describe("a client of a service address", () => {
  const pods = { kind: "prefixes", prefixes: [prefix("10.244.0.0/16")] } as const;
  const neighbourhood = {
    pods: { ipv4: pods, ipv6: { kind: "none" } as const },
    nodeAddresses: new Set(["192.0.2.11", "10.244.0.1"]),
  };
  const local: Gate = {
    sourceRanges: null,
    routes: [
      { sources: "pod", listener: "all" },
      { sources: "node", listener: "near" },
      { sources: "any", verdict: "drop" },
    ],
  };

  it.each([
    ["10.244.3.4", { pool: "all" }],
    // pods are tested first, and the node has an address among theirs
    ["10.244.0.1", { pool: "all" }],
    ["192.0.2.11", { pool: "near" }],
    ["127.0.0.1", { pool: "near" }],
    ["198.51.100.7", { refused: "source" }],
    ["2001:db8::7", { refused: "source" }],
  ])("%s takes its route", (client, admission) => {
    expect(admit(local, client, neighbourhood)).toEqual(admission);
  });

  it("is tested for its address before anything else", () => {
    const ranged: Gate = { ...local, sourceRanges: [prefix("198.51.100.0/24"), prefix("10.244.3.0/24")] };
    expect(admit(ranged, "10.244.3.4", neighbourhood)).toEqual({ pool: "all" });
    expect(admit(ranged, "10.244.4.4", neighbourhood)).toEqual({ refused: "source" });
    expect(admit({ ...ranged, sourceRanges: [] }, "10.244.3.4", neighbourhood)).toEqual({ refused: "source" });
  });

  it("is told from a service that has no endpoints", () => {
    const empty: Gate = { sourceRanges: null, routes: [{ sources: "any", verdict: "reject" }] };
    expect(admit(empty, "198.51.100.7", neighbourhood)).toEqual({ refused: "no-endpoint" });
  });
});
