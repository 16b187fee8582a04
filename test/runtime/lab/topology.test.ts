import { describe, expect, it } from "vitest";
import type { LabHost } from "../../../runtime/lab/plan.ts";
import { topologyOf } from "../../../runtime/lab/topology.ts";
import { address } from "../../support/net.ts";

function host(name: string, interfaceName: string, addresses: readonly string[]): LabHost {
  return { name, interfaceName, addresses: addresses.map(address), listeners: [] };
}

describe("topologyOf", () => {
  const plan = {
    nodeAddresses: [address("192.0.2.11"), address("2001:db8::11")],
    nodeListeners: [],
    hosts: [
      host("remote", "wx0", ["198.51.100.7"]),
      host("a", "cni0", ["10.244.1.5"]),
      host("b", "cni0", ["10.244.1.6", "fd00::6"]),
    ],
  };
  const topology = topologyOf(plan, [101, 102, 103]);

  it("makes a bridge of an interface that several hosts share", () => {
    expect(topology.node).toContain("link add cni0 address 02:77:00:03:00:00 type bridge");
    expect(topology.node).toContain("link set port1 master cni0\n");
    expect(topology.node).toContain("link set port2 master cni0\n");
    expect(topology.node).toContain("link add wx0 address 02:77:00:01:00:00 type veth");
    expect(topology.hosts[1]).toContain("neigh add 169.254.0.1 lladdr 02:77:00:03:00:00");
    expect(topology.hosts[0]).toContain("neigh add 169.254.0.1 lladdr 02:77:00:01:00:00");
  });

  it("sends single addresses to their hosts and everything else to the first", () => {
    const routes = topology.node.split("\n").filter((line) => line.startsWith("route"));
    expect(routes).toEqual([
      "route add 10.244.1.5/32 via 169.254.1.2 dev cni0 onlink",
      "route add 10.244.1.6/32 via 169.254.1.3 dev cni0 onlink",
      "route add fd00::6/128 via fe80::1:3 dev cni0 onlink",
      "route add default via 169.254.1.1 dev wx0 onlink",
      "route add default via fe80::1:1 dev wx0 onlink",
    ]);
  });

  it("puts each host's end of its link into that host's namespace", () => {
    expect([...topology.node.matchAll(/link add (\S+) .* netns (\d+)/g)].map((found) => found.slice(1))).toEqual([
      ["wx0", "101"],
      ["port1", "102"],
      ["port2", "103"],
    ]);
  });

  it("removes every link that it made", () => {
    expect(topology.nodeCleanup).toBe("link del wx0\nlink del port1\nlink del port2\nlink del cni0\n");
  });
});
