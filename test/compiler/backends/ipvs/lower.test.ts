import { describe, expect, it } from "vitest";
import { ipvsBackend } from "../../../../compiler/backends/ipvs/backend.ts";
import { printElement } from "../../../../compiler/backends/ipvs/print-sets.ts";
import type { IpvsProgram, VirtualServer } from "../../../../compiler/backends/ipvs/program.ts";
import type { IrFrontend, IrRoute } from "../../../../compiler/ir/ir.ts";
import {
  anyRoute,
  clusterRoutes,
  endpoint,
  frontend,
  type IrOptions,
  localRoutes,
  nodePortFrontend,
  pool,
  testIr,
} from "../../../support/ir.ts";
import { prefix } from "../../../support/net.ts";

const both = ["10.244.1.5:8080 local x3", "10.244.2.7:8080"];

function lower(frontends: readonly IrFrontend[], options: Partial<IrOptions> = {}): IpvsProgram {
  return ipvsBackend.lower(testIr({ pods: ["10.244.0.0/16"], addresses: ["192.0.2.11"], ...options, frontends }))
    .program;
}

function elements(program: IpvsProgram, name: string): readonly string[] {
  const set = program.sets.find((each) => each.name === name);
  if (set === undefined) throw new Error(`no set ${name}`);
  return set.elements.map(printElement);
}

function where({ id }: VirtualServer): string {
  return id.kind === "mark" ? "mark" : `${id.protocol} ${id.address.text} ${id.port}`;
}

function servers(program: IpvsProgram): readonly string[] {
  return program.virtualServers.flatMap((server) => [
    where(server),
    ...server.realServers.map((real) => `  ${real.address.text}:${real.port} ${real.method.kind} ${real.weight}`),
  ]);
}

const markOf = (server: VirtualServer | undefined) => (server?.id.kind === "mark" ? server.id.mark : 0);
const hex = (value: number) => `0x${value.toString(16)}`;

describe("virtual servers", () => {
  it("are found by address where all sources share a pool", () => {
    const program = lower([frontend("10.96.0.10:80", { routes: clusterRoutes(both) })]);
    expect(servers(program)).toEqual(["tcp 10.96.0.10 80", "  10.244.1.5:8080 masq 3", "  10.244.2.7:8080 masq 1"]);
    expect(elements(program, "weir-frontends")).toEqual([
      '10.96.0.10,tcp:80 comment "shop/web:http" skbmark 0x40004000/0x6000d000',
    ]);
    expect(elements(program, "weir-frontends-pod")).toEqual([
      '10.96.0.10,tcp:80 comment "shop/web:http" skbmark 0x40000000/0x6000d000',
    ]);
    expect(elements(program, "weir-frontends-node")).toEqual([]);
  });

  it("are found by mark for those who get another pool than anyone", () => {
    const program = lower([frontend("198.51.100.7:80", { kind: "load-balancer", routes: localRoutes(both) })]);
    expect(servers(program)).toEqual([
      "tcp 198.51.100.7 80",
      "  10.244.1.5:8080 masq 1",
      "mark",
      "  10.244.1.5:8080 masq 3",
      "  10.244.2.7:8080 masq 1",
    ]);
    const mark = markOf(program.virtualServers[1]);
    const start = '198.51.100.7,tcp:80 comment "shop/web:http" skbmark';
    expect(elements(program, "weir-frontends")).toEqual([`${start} 0x40000000/0x6000d000`]);
    expect(elements(program, "weir-frontends-pod")).toEqual([`${start} ${hex(mark)}`]);
    expect(elements(program, "weir-frontends-node")).toEqual([`${start} ${hex(mark + 0x4000)}`]);
  });

  it("are found by mark for node ports, on every address of the node", () => {
    const program = lower([nodePortFrontend("ipv4", 30080, { routes: anyRoute(both, true) })]);
    const mark = markOf(program.virtualServers[0]);
    expect(elements(program, "weir-node-ports")).toEqual([
      `0.0.0.0/1,tcp:30080 comment "shop/web:http" skbmark ${hex(mark + 0x4000)}`,
      `128.0.0.0/1,tcp:30080 comment "shop/web:http" skbmark ${hex(mark + 0x4000)}`,
    ]);
    const selected = lower([nodePortFrontend("ipv4", 30080, { routes: anyRoute(both, true) })], {
      nodePortAddresses: ["192.0.2.0/24"],
    });
    expect(elements(selected, "weir-node-ports").map((text) => text.split(" ")[0])).toEqual(["192.0.2.0/24,tcp:30080"]);
  });

  it("stay with drained endpoints alone, whose connections go on, while new ones are refused", () => {
    const routes = clusterRoutes(["10.244.1.5:8080 drained"]).map((route) => ({ ...route, masquerade: false }));
    const program = lower([frontend("10.96.0.10:80", { routes })]);
    expect(servers(program)).toEqual(["tcp 10.96.0.10 80", "  10.244.1.5:8080 masq 0"]);
    expect(elements(program, "weir-frontends")).toEqual([
      '10.96.0.10,tcp:80 comment "shop/web:http" skbmark 0x40001000/0x6000d000',
    ]);
  });

  it("are left out where nobody serves", () => {
    const drop: readonly IrRoute[] = [
      { sources: "any", pool: pool("local", []), masquerade: false, whenEmpty: "drop" },
    ];
    const program = lower([frontend("198.51.100.7:80", { kind: "external", routes: drop })]);
    expect(program.virtualServers).toEqual([]);
    expect(elements(program, "weir-frontends")).toEqual([
      '198.51.100.7,tcp:80 comment "shop/web:http" skbmark 0x40008000/0x6000d000',
    ]);
  });

  it("refuse the node by mark where its address serves others: IPVS looks before filter OUTPUT", () => {
    const routes: readonly IrRoute[] = [
      { sources: "node", pool: pool("cluster", []), masquerade: false, whenEmpty: "reject" },
      { sources: "any", pool: pool("local", both), masquerade: false, whenEmpty: "reject" },
    ];
    const program = lower([frontend("10.96.0.10:80", { routes })]);
    const refusing = program.virtualServers.at(-1);
    expect(refusing?.id).toEqual({ kind: "mark", family: "ipv4", mark: 0x20001000 });
    expect(refusing?.realServers).toEqual([]);
  });

  it("keep scheduler, flags, persistence and thresholds", () => {
    const web = frontend("10.96.0.10:80", { routes: clusterRoutes(both), scheduler: "sh", affinitySeconds: 300 });
    const flagged = { ...web, schedulerFlags: ["fallback"] as const };
    expect(lower([flagged]).virtualServers[0]).toMatchObject({
      scheduler: "sh",
      schedulerFlags: ["fallback"],
      persistence: { timeoutSeconds: 300, prefixLength: 32 },
    });
    const limited = {
      ...pool("cluster", []),
      endpoints: [{ ...endpoint("10.244.1.5:80"), upperThreshold: 9 }],
      totalWeight: 1,
    };
    const routes: readonly IrRoute[] = [{ sources: "any", pool: limited, masquerade: false, whenEmpty: "reject" }];
    expect(lower([frontend("10.96.0.10:80", { routes })]).virtualServers[0]?.realServers[0]?.upperThreshold).toBe(9);
  });

  it("forward directly and through tunnels", () => {
    const forwardings = [{ method: "direct" }, { method: "tunnel", type: "gue", port: 6080 }] as const;
    const methods = forwardings.map(
      (forwarding) =>
        lower([frontend("10.96.0.10:80", { routes: anyRoute(["10.244.1.5:80"]), forwarding })]).virtualServers[0]
          ?.realServers[0]?.method,
    );
    expect(methods).toEqual([{ kind: "route" }, { kind: "tunnel", type: "gue", port: 6080 }]);
  });
});

describe("sets", () => {
  it("hold source ranges by frontend, and everything as two halves", () => {
    const program = lower([
      frontend("198.51.100.7:80", {
        kind: "load-balancer",
        routes: anyRoute(both),
        sourceRanges: ["0.0.0.0/0"],
      }),
      nodePortFrontend("ipv4", 30080, { routes: anyRoute(both), sourceRanges: ["203.0.113.0/24"] }),
    ]);
    expect(elements(program, "weir-ranged")).toEqual(['198.51.100.7,tcp:80 comment "shop/web:http"']);
    expect(elements(program, "weir-allowed")).toEqual([
      "198.51.100.7,tcp:80,0.0.0.0/1",
      "198.51.100.7,tcp:80,128.0.0.0/1",
    ]);
    expect(elements(program, "weir-node-ports-allowed")).toEqual(['203.0.113.0/24,tcp:30080 comment "shop/web:http"']);
  });

  it("hold each server once that may be its own client", () => {
    const program = lower([
      frontend("10.96.0.10:80", { routes: clusterRoutes(both) }),
      frontend("198.51.100.7:80", { kind: "external", routes: localRoutes(both) }),
    ]);
    expect(elements(program, "weir-hairpin")).toEqual(["10.244.1.5,tcp:8080,10.244.1.5"]);
  });
});

describe("routing", () => {
  it("delivers ranges whole and other addresses alone, but not the node's own", () => {
    const program = lower(
      [
        frontend("10.96.0.10:80", { routes: clusterRoutes(both) }),
        frontend("10.96.0.11:80", { routes: clusterRoutes(both) }),
        frontend("198.51.100.7:80", { kind: "external", routes: anyRoute(both) }),
        frontend("198.51.100.7:443", { kind: "external", routes: anyRoute(both) }),
        frontend("192.0.2.11:80", { kind: "external", routes: anyRoute(both) }),
      ],
      { serviceRanges: ["10.96.0.0/12", "10.128.0.0/12"] },
    );
    expect(program.routing.ipv4).toEqual({
      rule: { priority: 1000, mark: 0x40000000, mask: 0x40000000, table: 30569 },
      prefixes: [prefix("10.96.0.0/12"), prefix("198.51.100.7")],
    });
    expect(program.routing.ipv6).toBeNull();
  });
});

describe("rules", () => {
  it("do not depend on the services", () => {
    const one = lower([frontend("10.96.0.10:80", { routes: clusterRoutes(both) })]);
    const many = lower([
      frontend("10.96.0.10:80", { routes: clusterRoutes(both) }),
      frontend("198.51.100.7:80", { kind: "external", routes: localRoutes(both), sourceRanges: ["192.0.2.0/24"] }),
      nodePortFrontend("ipv4", 30080, { routes: localRoutes(both) }),
    ]);
    expect(many.rules).toEqual(one.rules);
  });

  it.each([
    { detector: { kind: "interface", name: "cni0" }, text: "-i cni0 -g WEIR-IPVS-ADDRESS-POD" },
    { detector: { kind: "interface-prefix", prefix: "veth" }, text: "-i veth+ -g WEIR-IPVS-ADDRESS-POD" },
  ] as const)("tell pods by $detector.kind", ({ detector, text }) => {
    const program = lower([frontend("10.96.0.10:80", { routes: clusterRoutes(both) })], { detector });
    expect(printed(program, "ipvs/ipv4.rules")).toContain(`-A WEIR-IPVS-ADDRESS ${text}\n`);
    expect(program.sets.map((set) => set.name)).not.toContain("weir-pods");
  });
});

function printed(program: IpvsProgram, path: string): string {
  return ipvsBackend
    .print(program)
    .filter((file) => file.path === path)
    .flatMap((file) => file.chunks)
    .join("");
}

it("leaves a family without frontends out", () => {
  const program = lower([frontend("10.96.0.10:80", { routes: clusterRoutes(both) })]);
  expect(program.rules.ipv6).toBeNull();
  expect(program.sets.filter((set) => set.family === "ipv6")).toEqual([]);
  const empty = lower([]);
  expect([empty.sets, empty.virtualServers, empty.sysctls, ipvsBackend.requirements(empty)]).toEqual([[], [], [], []]);
});
