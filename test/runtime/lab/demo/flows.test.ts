import { describe, expect, it } from "vitest";
import { demoFlows, freeAddress, refusedFlows } from "../../../../runtime/lab/demo/flows.ts";
import { anyRoute, frontend, nodePortFrontend, testIr } from "../../../support/ir.ts";
import { address, prefix } from "../../../support/net.ts";

const three = ["10.244.1.5:8080 local", "10.244.2.7:8080", "10.244.2.8:8080"];

const ir = testIr({
  addresses: ["192.0.2.11"],
  pods: ["10.244.0.0/16"],
  serviceRanges: ["10.96.0.0/29"],
  frontends: [
    frontend("10.96.0.1:80", { key: "shop/cart:http", routes: anyRoute(three.slice(0, 2)) }),
    frontend("10.96.0.2:80", { key: "shop/web:http", routes: anyRoute(three) }),
    frontend("198.51.100.2:80", { key: "shop/web:http", kind: "load-balancer", routes: anyRoute(three) }),
    frontend("10.96.0.3:53", { key: "shop/dns:dns", protocol: "udp", routes: anyRoute(three.slice(0, 1)) }),
    frontend("10.96.0.4:80", { key: "shop/gone:http", routes: anyRoute([]) }),
    frontend("10.96.0.5:80", { key: "shop/stays:http", routes: anyRoute(three), affinitySeconds: 60 }),
    frontend("10.96.0.6:80", { key: "shop/sctp:http", protocol: "sctp", routes: anyRoute(three) }),
    nodePortFrontend("ipv4", 30080, { key: "shop/web:http", kind: "node-port", routes: anyRoute(three) }),
  ],
});
const pods = [prefix("10.244.1.0/24")];

describe("demoFlows", () => {
  it("shows those with the most to choose from, as pods use VIPs and others load balancers", () => {
    expect(demoFlows(ir, pods, 10).map(({ key, packet }) => [key, packet.source.text])).toEqual([
      ["shop/web:http", "10.244.1.254"],
      ["shop/web:http", "203.0.113.9"],
      ["shop/cart:http", "10.244.1.254"],
      ["shop/dns:dns", "10.244.1.254"],
    ]);
  });

  it("keeps one of UDP when there are too many", () => {
    expect(demoFlows(ir, pods, 2).map(({ packet }) => packet.protocol)).toEqual(["tcp", "udp"]);
  });

  it("keeps one of IPv6 when there are too many", () => {
    const six = frontend("[fd00:10:96::1]:80", { key: "shop/six:http", routes: anyRoute(["[fd00:10:244::5]:8080"]) });
    const dual = { ...ir, frontends: { ...ir.frontends, ipv6: [six] } };
    expect(demoFlows(dual, pods, 3).map(({ key }) => key)).toEqual(["shop/web:http", "shop/dns:dns", "shop/six:http"]);
  });

  it("does without pods where the node has none", () => {
    expect(demoFlows(ir, [], 1).map(({ client }) => client)).toEqual(["the node itself"]);
    const unknown = { ...ir, node: { ...ir.node, addresses: [] } };
    expect(demoFlows(unknown, [], 1).map(({ client }) => client)).toEqual(["an outside client"]);
  });
});

describe("refusedFlows", () => {
  it("finds a VIP's unserved port and an unallocated address", () => {
    expect(refusedFlows(ir, address("203.0.113.9")).map(({ packet }) => packet.destination.text)).toEqual([
      "10.96.0.1",
    ]);
    const roomy = { ...ir, serviceRanges: { ...ir.serviceRanges, ipv4: [prefix("10.96.0.0/28")] } };
    expect(refusedFlows(roomy, address("203.0.113.9")).map(({ packet }) => packet.destination.text)).toEqual([
      "10.96.0.1",
      "10.96.0.14",
    ]);
  });
});

describe("freeAddress", () => {
  it.each([
    ["10.0.0.0/30", ["10.0.0.2"], "10.0.0.1"],
    ["10.0.0.0/30", ["10.0.0.2", "10.0.0.1"], undefined],
    ["10.0.0.1/32", [], undefined],
    ["fd00::/64", [], "fd00::ffff:ffff:ffff:fffe"],
  ] as const)("%s without %j: %s", (range, used, free) => {
    expect(freeAddress(prefix(range), new Set(used))?.text).toBe(free);
  });
});
