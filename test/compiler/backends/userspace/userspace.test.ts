import { describe, expect, it } from "vitest";
import { printRule } from "../../../../compiler/backends/iptables/print.ts";
import { ParseError, textOf } from "../../../../compiler/backends/text.ts";
import { userspaceBackend } from "../../../../compiler/backends/userspace/backend.ts";
import { parseProxyTable } from "../../../../compiler/backends/userspace/parse.ts";
import { allocatePorts } from "../../../../compiler/backends/userspace/ports.ts";
import type { NodeIr } from "../../../../compiler/ir/ir.ts";
import { clusterRoutes, frontend, type IrOptions, localRoutes, nodePortFrontend, testIr } from "../../../support/ir.ts";

const two = ["10.244.1.5:8080 x3 local", "10.244.2.7:8080", "10.244.2.8:8080 drained"];

function irOf(frontends: IrOptions["frontends"], options: Partial<IrOptions> = {}): NodeIr {
  return testIr({ frontends, pods: ["10.244.0.0/16"], addresses: ["192.0.2.11"], ...options });
}

const vip = frontend("10.96.0.10:80", { routes: clusterRoutes(two) });
const external = frontend("203.0.113.80:80", {
  kind: "external",
  routes: localRoutes(two),
  sourceRanges: ["198.51.100.0/24"],
});

/** The nat table by chain, without hashes, and with P for the port of each listener. */
function natOf(ir: NodeIr): Readonly<Record<string, readonly string[]>> {
  const { table, rules } = userspaceBackend.lower(ir).program;
  const chains = rules.ipv4?.tables.find((one) => one.name === "nat")?.chains ?? [];
  const ports = new RegExp(`\\b(${table.listeners.map((listener) => listener.port).join("|")})\\b`, "g");
  const short = (text: string) => text.replace(/(WEIR-[A-Z]+-[a-z0-9-]+)-[a-z2-7]{8}/g, "$1").replace(ports, "P");
  return Object.fromEntries(
    chains.map(({ name, rules }) => [short(name), rules.map((rule) => short(printRule(rule).slice(1)))]),
  );
}

describe("listeners", () => {
  it("is one for a service port and a set of endpoints, on the node's address", () => {
    const { table } = userspaceBackend.lower(irOf([vip, external])).program;
    expect(table.listeners.map(({ name }) => name)).toEqual([
      "shop/web:http ipv4 tcp cluster",
      "shop/web:http ipv4 tcp local",
    ]);
    const [cluster] = table.listeners;
    expect(cluster?.address?.text).toBe("192.0.2.11");
    expect(cluster?.endpoints.map(({ address, weight }) => `${address.text} x${weight}`)).toEqual([
      "10.244.1.5 x3",
      "10.244.2.7 x1",
    ]);
    expect(cluster?.drained.map(({ address }) => address.text)).toEqual(["10.244.2.8"]);
  });

  it("is one for each frontend with affinity", () => {
    const options = { routes: clusterRoutes(two), affinitySeconds: 60, affinityNetmask: { ipv4: 24, ipv6: 64 } };
    const other = frontend("10.96.0.11:80", options);
    const { table } = userspaceBackend.lower(irOf([frontend("10.96.0.10:80", options), other])).program;
    expect(table.listeners).toHaveLength(2);
    expect(table.listeners[0]?.affinity).toEqual({ timeoutSeconds: 60, prefixLength: 24 });
  });

  it("says for each frontend where packets of each source go", () => {
    const { table } = userspaceBackend.lower(irOf([external])).program;
    expect(table.frontends[0]?.routes).toEqual([
      { sources: "pod", listener: "shop/web:http ipv4 tcp cluster" },
      { sources: "node", listener: "shop/web:http ipv4 tcp cluster" },
      { sources: "any", listener: "shop/web:http ipv4 tcp local" },
    ]);
  });

  it("refuses SCTP and reports a range of ports that is too small", () => {
    const sctp = frontend("10.96.0.12:80", { key: "core/d:d", protocol: "sctp", routes: clusterRoutes(two) });
    const ir = { ...irOf([external, sctp]), proxyPorts: [{ first: 40000, last: 40000 }] };
    const { program, diagnostics } = userspaceBackend.lower(ir);
    expect(diagnostics.map(({ code }) => code)).toEqual([
      "lower/protocol-unsupported",
      "lower/source-not-preserved",
      "lower/proxy-ports-exhausted",
    ]);
    expect(program.table.frontends.map(({ key }) => key)).toEqual(["shop/web:http"]);
  });
});

describe("rules", () => {
  it("translate to listeners by source, after the source ranges", () => {
    const chains = natOf(irOf([vip, external]));
    expect(chains["WEIR-ADDRESSES"]).toEqual([
      '-d 10.96.0.10/32 -p tcp -m tcp --dport 80 -m comment --comment "shop/web:http" -j DNAT --to-destination 192.0.2.11:P',
      '-d 203.0.113.80/32 -p tcp -m tcp --dport 80 -m comment --comment "shop/web:http" -g WEIR-FW-shop-web-ht',
      "-d 10.96.0.10/32 -g WEIR-UNSERVED",
    ]);
    expect(chains["WEIR-FW-shop-web-ht"]).toEqual(["-s 198.51.100.0/24 -g WEIR-EXT-shop-web-h", "-g WEIR-DROP"]);
    expect(chains["WEIR-EXT-shop-web-h"]).toEqual([
      "-s 10.244.0.0/16 -p tcp -j DNAT --to-destination 192.0.2.11:P",
      "-p tcp -m addrtype --src-type LOCAL -j DNAT --to-destination 192.0.2.11:P",
      "-p tcp -j DNAT --to-destination 192.0.2.11:P",
    ]);
  });

  it("refuse whoever asks for a proxy port directly", () => {
    const chains = natOf(irOf([vip]));
    expect(chains["WEIR-SERVICES"]).toEqual(["-j WEIR-ADDRESSES", "-d 192.0.2.11/32 -j WEIR-PROXY-PORTS"]);
    expect(chains["WEIR-PROXY-PORTS"]).toEqual([
      '-p tcp -m tcp --dport P -m comment --comment "shop/web:http" -g WEIR-REJECT',
    ]);
  });

  it("redirect where no address of the node is known", () => {
    const chains = natOf(irOf([vip], { addresses: [] }));
    expect(chains["WEIR-ADDRESSES"]?.[0]).toMatch(/ -j REDIRECT --to-ports P$/);
    expect(chains["WEIR-SERVICES"]?.[1]).toBe("-m addrtype --dst-type LOCAL -j WEIR-PROXY-PORTS");
  });
});

describe("ports", () => {
  const request = (name: string) => ({ name, family: "ipv4", protocol: "tcp" }) as const;
  const range = { first: 40000, last: 40099 };

  it("are given once, within the range, and not where the node answers itself", () => {
    const names = Array.from({ length: 99 }, (_, at) => request(`service ${at}`));
    const ports = [...allocatePorts(names, [range], new Set(["ipv4 tcp 40007"])).values()];
    expect(new Set(ports).size).toBe(99);
    expect(ports.every((port) => port !== null && port >= 40000 && port <= 40099 && port !== 40007)).toBe(true);
  });

  it("hardly move when a service is added in front", () => {
    const names = Array.from({ length: 20 }, (_, at) => request(`service ${at}`));
    const before = allocatePorts(names, [range], new Set());
    const after = allocatePorts([request("another"), ...names], [range], new Set());
    expect([...before].filter(([name, port]) => after.get(name) !== port).length).toBeLessThanOrEqual(1);
  });

  it("are null when the range is used up", () => {
    const ports = allocatePorts([request("a"), request("b")], [{ first: 1000, last: 1000 }], new Set());
    expect([...ports.values()].sort()).toEqual([1000, null]);
  });

  it("go on in the next range when one is full", () => {
    const ranges = [
      { first: 1000, last: 1003 },
      { first: 2000, last: 2001 },
    ];
    const names = Array.from({ length: 7 }, (_, at) => request(`service ${at}`));
    const ports = [...allocatePorts(names, ranges, new Set(["ipv4 tcp 1002"])).values()];
    const given = ports.filter((port) => port !== null).sort();
    expect(given).toEqual([1000, 1001, 1003, 2000, 2001]);
  });
});

describe("files", () => {
  const ir = irOf([vip, external, nodePortFrontend("ipv4", 30080, { routes: localRoutes(two) })]);
  const { program } = userspaceBackend.lower(ir);
  const files = () => new Map(userspaceBackend.print(program).map((file) => [file.path, textOf(file)]));
  const table = () => files().get("userspace/proxy.json") ?? "";

  it("are parsed back", () => {
    expect([...files().keys()]).toEqual(["userspace/proxy.json", "userspace/ipv4.rules", "userspace/jumps.json"]);
    expect(userspaceBackend.parse(files())).toEqual(program);
  });

  it("hold one endpoint a line", () => {
    expect(table()).toContain('        { "address": "10.244.1.5", "port": 8080, "weight": 3 },\n');
  });

  it.each([
    ["not JSON", (text: string) => text.slice(1)],
    ["another format", (text: string) => text.replace('"format": 1', '"format": 2')],
    ["no address", (text: string) => text.replace("10.244.2.7", "10.244.2.777")],
    ["an unknown word", (text: string) => text.replace('"scheduler"', '"schedular"')],
    ["a route to nowhere", (text: string) => text.replace('"name": "shop/web:http ipv4 tcp local"', '"name": "other"')],
  ])("are refused with %s", (_, change) => {
    const changed = change(table());
    expect(changed).not.toBe(table());
    expect(() => parseProxyTable(changed)).toThrow(ParseError);
  });
});
