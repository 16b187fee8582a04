import { describe, expect, it } from "vitest";
import { type LabWorld, planLab, splitByInterface } from "../../../runtime/lab/plan.ts";
import { packet, servers } from "../../support/lab-rows.ts";
import { address, prefix } from "../../support/net.ts";

const world: LabWorld = {
  nodeAddresses: [address("192.0.2.11"), address("2001:db8::11")],
  endpoints: [
    ...servers(["10.244.1.5 8080", "10.244.1.6 8080"], true),
    ...servers(["10.244.2.7 8080", "10.244.2.8 8080"], false),
  ],
  podRanges: [prefix("10.244.1.0/24")],
  podInterface: null,
  packets: [],
};

function hostsOf(given: Partial<LabWorld>): Record<string, readonly string[]> {
  const { hosts } = planLab({ ...world, ...given });
  return Object.fromEntries(hosts.map((host) => [host.name, host.addresses.map((each) => each.text)]));
}

describe("planLab", () => {
  it("puts endpoints that send nothing together, by where they run", () => {
    expect(hostsOf({})).toEqual({
      remote: ["10.244.2.7", "10.244.2.8"],
      pods: ["10.244.1.5", "10.244.1.6"],
    });
  });

  it("gives an endpoint that is also a client a namespace of its own, so that its packets cross the node", () => {
    const packets = ["10.244.1.5", "10.244.2.7", "203.0.113.9"].map((source) =>
      packet(`tcp ${source} -> 10.96.0.1:80`),
    );
    expect(hostsOf({ packets })).toEqual({
      remote: ["10.96.0.1", "10.244.2.8"],
      "10.244.1.5": ["10.244.1.5"],
      "10.244.2.7": ["10.244.2.7"],
      "clients-outside": ["203.0.113.9"],
      pods: ["10.244.1.6"],
    });
  });

  it("lets every destination be answered: by the node if it is the node's, by a stranger if nobody's", () => {
    const packets = ["198.51.100.7:80", "192.0.2.11:30080", "127.0.0.1:30080"].map((to) =>
      packet(`udp 203.0.113.9 -> ${to}`),
    );
    const plan = planLab({ ...world, packets });
    expect(plan.hosts[0]?.listeners).toContainEqual({ protocol: "udp", address: "198.51.100.7", port: 80 });
    expect(plan.nodeListeners).toEqual([
      { protocol: "udp", address: "192.0.2.11", port: 30080 },
      { protocol: "udp", address: "127.0.0.1", port: 30080 },
    ]);
  });

  it("names interfaces as packets ask, and no others so that pods' names begin like them", () => {
    const packets = [
      packet("tcp 10.244.1.5 -> 10.96.0.1:80", "cni0"),
      packet("tcp 10.244.1.77 -> 10.96.0.1:80", "cni0"),
      packet("tcp 203.0.113.9 -> 10.96.0.1:80", "eth0"),
      packet("tcp 203.0.113.10 -> 10.96.0.1:80"),
    ];
    const names = planLab({ ...world, packets, podInterface: "w" }).hosts.map((host) => host.interfaceName);
    expect(names).toEqual(["qx0", "cni0", "cni0", "eth0", "qx4", "ql5"]);
  });

  it("gives the node an address in a family where it has none, for masquerading", () => {
    expect(planLab({ ...world, nodeAddresses: [] }).nodeAddresses.map((each) => each.family)).toEqual(["ipv4", "ipv6"]);
  });

  it("has no listeners for protocols that it cannot speak", () => {
    const plan = planLab({ ...world, endpoints: [], packets: [packet("sctp 203.0.113.9 -> 10.96.0.1:80")] });
    expect(plan.hosts.flatMap((host) => host.listeners)).toEqual([]);
  });
});

describe("splitByInterface", () => {
  it("keeps packets together unless one source comes in by two interfaces", () => {
    const first = packet("tcp 10.244.1.5 -> 10.96.0.1:80", "cni0");
    const second = packet("tcp 203.0.113.9 -> 10.96.0.1:80", "eth0");
    const third = packet("tcp 10.244.1.5 -> 10.96.0.1:81", "eth0");
    const fourth = packet("tcp 10.244.1.5 -> 10.96.0.1:82");
    expect(splitByInterface([first, second, third, fourth])).toEqual([[first, second], [third], [fourth]]);
  });
});
