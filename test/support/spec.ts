import type { IpAddress } from "../../compiler/net/address.ts";
import type { Location } from "../../compiler/source.ts";
import { defaultCluster } from "../../compiler/spec/merge.ts";
import type { EndpointSpec, NodeSpec, ServicePortSpec, ServiceSpec, Spec } from "../../compiler/spec/schema.ts";
import { address, prefix } from "./net.ts";

/** Values for tests of the stages between front ends and lowerings; each place is told apart by its offset. */
const file = { path: "test.weir", text: "" };
let offset = 0;

export function place(): Location {
  offset += 1;
  return { file, start: offset, end: offset };
}

export function claim(text: string): { readonly address: IpAddress; readonly origin: Location } {
  return { address: address(text), origin: place() };
}

export function balancer(text: string, allow: readonly string[] | null = null) {
  return { address: address(text), allow: allow === null ? null : allow.map(prefix), origin: place() };
}

export function port(given: Partial<ServicePortSpec> = {}): ServicePortSpec {
  const number = given.port ?? 80;
  return { name: "http", protocol: "tcp", port: number, targetPort: 8080, nodePort: null, origin: place(), ...given };
}

export function endpoint(text: string, given: Partial<EndpointSpec> = {}): EndpointSpec {
  return {
    address: address(text),
    node: null,
    weight: 1,
    ready: true,
    serving: true,
    terminating: false,
    hints: null,
    ports: null,
    upperThreshold: 0,
    lowerThreshold: 0,
    origin: place(),
    ...given,
  };
}

export const draining = { ready: false, serving: true, terminating: true } as const;

export function service(given: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    name: "shop/web",
    vips: [claim("10.96.0.10")],
    externals: [],
    loadBalancers: [],
    scheduler: null,
    schedulerFlags: [],
    onePacket: false,
    affinity: null,
    internalPolicy: "cluster",
    externalPolicy: "cluster",
    traffic: null,
    forwarding: { method: "nat" },
    healthCheckPort: null,
    ports: [port()],
    endpoints: [],
    allowedWarnings: [],
    settingOrigins: {},
    origin: place(),
    ...given,
  };
}

export function node(given: Partial<NodeSpec> = {}): NodeSpec {
  return {
    name: "worker-1",
    zone: null,
    addresses: [address("192.0.2.11")],
    pods: [prefix("10.244.1.0/24")],
    origin: place(),
    ...given,
  };
}

export function spec(
  given: Partial<Omit<Spec, "cluster">> & { readonly cluster?: Partial<Spec["cluster"]> } = {},
): Spec {
  return {
    nodes: given.nodes ?? [node()],
    services: given.services ?? [service()],
    expects: given.expects ?? [],
    cluster: { ...defaultCluster, pods: [prefix("10.244.0.0/16")], ...given.cluster },
  };
}
