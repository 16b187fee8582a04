import { describe, expect, it } from "vitest";
import type { Outcome, Packet } from "../../../compiler/backends/packet.ts";
import { decide, sourceClassOf } from "../../../compiler/ir/decide.ts";
import { resolveNode } from "../../../compiler/ir/resolve.ts";
import { formatFraction } from "../../../compiler/net/fraction.ts";
import type { ServiceSpec, Spec } from "../../../compiler/spec/schema.ts";
import { address, prefix } from "../../support/net.ts";
import { balancer, claim, endpoint, node, port, service, spec } from "../../support/spec.ts";

const self = node({ addresses: [address("192.0.2.11"), address("10.244.1.1")] });
const endpoints = [
  endpoint("10.244.1.5", { node: "worker-1", weight: 3 }),
  endpoint("10.244.2.7", { node: "worker-2" }),
];

function packet(source: string, destination: string, number: number, given: Partial<Packet> = {}): Packet {
  return {
    protocol: "tcp",
    source: address(source),
    destination: address(destination),
    port: number,
    inputInterface: null,
    ...given,
  };
}

function irOf(given: Partial<ServiceSpec>, cluster: Partial<Spec["cluster"]> = {}) {
  return resolveNode(spec({ services: [service({ endpoints, ...given })], cluster, nodes: [self] }), self).ir;
}

function tell(outcome: Outcome): string {
  if (outcome.verdict !== "endpoints") return outcome.verdict;
  const choices = outcome.choices.map((choice) => {
    const share = choice.share === null ? "?" : formatFraction(choice.share);
    return `${choice.address.text}:${choice.port} ${share}${choice.masquerade ? " masquerade" : ""}`;
  });
  return choices.join(", ");
}

const full: Partial<ServiceSpec> = {
  externals: [claim("203.0.113.80")],
  loadBalancers: [balancer("198.51.100.7", ["198.51.100.0/24"])],
  externalPolicy: "local",
  ports: [port({ nodePort: 30080 })],
};
const ranges = { serviceRanges: [prefix("10.96.0.0/12")] };

describe("decide", () => {
  it.each<[string, string, number, string]>([
    ["10.244.9.9", "10.96.0.10", 80, "10.244.1.5:8080 3/4, 10.244.2.7:8080 1/4"],
    ["8.8.8.8", "10.96.0.10", 80, "10.244.1.5:8080 3/4 masquerade, 10.244.2.7:8080 1/4 masquerade"],
    ["192.0.2.11", "10.96.0.10", 80, "10.244.1.5:8080 3/4 masquerade, 10.244.2.7:8080 1/4 masquerade"],
    ["10.244.1.5", "10.96.0.10", 80, "10.244.1.5:8080 3/4 masquerade, 10.244.2.7:8080 1/4"],
    ["8.8.8.8", "203.0.113.80", 80, "10.244.1.5:8080 1"],
    ["10.244.9.9", "203.0.113.80", 80, "10.244.1.5:8080 3/4, 10.244.2.7:8080 1/4"],
    ["192.0.2.11", "203.0.113.80", 80, "10.244.1.5:8080 3/4 masquerade, 10.244.2.7:8080 1/4 masquerade"],
    ["10.244.1.1", "203.0.113.80", 80, "10.244.1.5:8080 3/4, 10.244.2.7:8080 1/4"],
    ["198.51.100.9", "198.51.100.7", 80, "10.244.1.5:8080 1"],
    ["8.8.8.8", "198.51.100.7", 80, "drop"],
    ["10.244.9.9", "198.51.100.7", 80, "drop"],
    ["8.8.8.8", "192.0.2.11", 30080, "10.244.1.5:8080 1"],
    ["8.8.8.8", "192.0.2.12", 30080, "pass"],
    ["192.0.2.11", "127.0.0.1", 30080, "pass"],
    ["8.8.8.8", "10.96.0.10", 81, "reject"],
    ["8.8.8.8", "10.96.0.11", 80, "drop"],
    ["8.8.8.8", "203.0.113.80", 81, "pass"],
    ["8.8.8.8", "192.0.2.11", 22, "pass"],
  ])("%s -> %s:%i", (source, destination, number, expected) => {
    expect(tell(decide(irOf(full, ranges), packet(source, destination, number)))).toBe(expected);
  });

  it("takes a service's own address before a node port", () => {
    const own = {
      externals: [claim("192.0.2.11")],
      ports: [
        port({ name: "a", port: 30080, nodePort: 31000 }),
        port({ name: "b", port: 81, targetPort: 9999, nodePort: 30080 }),
      ],
    };
    expect(tell(decide(irOf(own), packet("8.8.8.8", "192.0.2.11", 30080)))).toContain(":8080");
  });

  it.each<[ServiceSpec["scheduler"], string]>([
    [null, "10.244.1.5:8080 3/4, 10.244.2.7:8080 1/4"],
    ["wrr", "10.244.1.5:8080 3/4, 10.244.2.7:8080 1/4"],
    ["rr", "10.244.1.5:8080 1/2, 10.244.2.7:8080 1/2"],
    ["lc", "10.244.1.5:8080 ?, 10.244.2.7:8080 ?"],
    ["mh", "10.244.1.5:8080 ?, 10.244.2.7:8080 ?"],
  ])("knows the shares of scheduler %s", (scheduler, expected) => {
    expect(tell(decide(irOf({ scheduler }), packet("10.244.9.9", "10.96.0.10", 80)))).toBe(expected);
  });

  it.each<[string, string, number, boolean]>([
    ["from outside", "8.8.8.8", 80, false],
    ["from another node to a node port", "192.0.2.12", 30080, false],
    ["from the node itself", "192.0.2.11", 80, true],
  ])("masquerades what is delivered to the node only %s", (_, source, number, expected) => {
    const onNode = { externals: [claim("203.0.113.80")], endpoints: [endpoint("192.0.2.11", { node: "worker-1" })] };
    const ir = irOf({ ...onNode, ports: [port({ nodePort: 30080 })] });
    const outcome = decide(ir, packet(source, number === 80 ? "203.0.113.80" : "192.0.2.11", number));
    expect(outcome).toMatchObject({ verdict: "endpoints", choices: [{ masquerade: expected }] });
  });

  it("tells protocols apart", () => {
    expect(tell(decide(irOf({}), packet("10.244.9.9", "10.96.0.10", 80, { protocol: "udp" })))).toBe("reject");
  });
});

describe("sourceClassOf", () => {
  it.each<[string, Spec["cluster"]["detector"], Partial<Packet>, string]>([
    ["a pod by its address", { kind: "cluster-pods" }, {}, "pod"],
    ["a pod of another node, when only this node's ranges count", { kind: "node-pods" }, {}, "outside"],
    ["a pod by its bridge", { kind: "bridge-interface", name: "cni0" }, { inputInterface: "cni0" }, "pod"],
    ["another interface", { kind: "bridge-interface", name: "cni0" }, { inputInterface: "cni01" }, "outside"],
    [
      "a pod by the beginning of its interface",
      { kind: "interface-prefix", prefix: "veth" },
      { inputInterface: "veth12" },
      "pod",
    ],
    ["nothing without a detector", { kind: "none" }, {}, "outside"],
  ])("%s", (_, detector, given, expected) => {
    expect(sourceClassOf(irOf({}, { detector }), packet("10.244.9.9", "10.96.0.10", 80, given))).toBe(expected);
  });
});
