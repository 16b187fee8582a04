import type { Choice, Outcome, Packet } from "../backends/packet.ts";
import { type IpAddress, prefixContains } from "../net/address.ts";
import { type Fraction, fraction, one } from "../net/fraction.ts";
import { assert, unreachable } from "../result.ts";
import type { Scheduler } from "../spec/schema.ts";
import type { IrDetector, IrEndpoint, IrFrontend, IrPool, IrRoute, NodeIr, SourceClass } from "./ir.ts";
import { frontendOf, isNodeAddress, isVip } from "./lookup.ts";

/**
 * The meaning of a compiled spec: where the first packet of a connection goes. Every backend is held to this.
 * Replies and later packets follow their connection; ICMP has no meaning here.
 */
export function decide(ir: NodeIr, packet: Packet): Outcome {
  const frontend = frontendOf(ir, packet.destination, packet.protocol, packet.port);
  if (frontend === null) return decideUnserved(ir, packet);
  if (!isAllowed(frontend, packet)) return { verdict: "drop", key: frontend.key };
  const route = routeFor(frontend, sourceClassOf(ir, packet));
  if (route.pool.endpoints.length === 0) return { verdict: route.whenEmpty, key: frontend.key };
  return { verdict: "endpoints", key: frontend.key, choices: choicesOf(ir, frontend, route, packet) };
}

/** No service has this port: a VIP refuses it, an unallocated address of a service range swallows it. */
function decideUnserved(ir: NodeIr, packet: Packet): Outcome {
  const { family } = packet.destination;
  if (isVip(ir, packet.destination)) return { verdict: "reject", key: null };
  if (ir.serviceRanges[family].some((range) => prefixContains(range, packet.destination))) {
    return { verdict: "drop", key: null };
  }
  return { verdict: "pass" };
}

/** Source ranges come before everything else: pods and the node are held to them too. */
function isAllowed(frontend: IrFrontend, packet: Packet): boolean {
  return frontend.sourceRanges === null || frontend.sourceRanges.some((range) => prefixContains(range, packet.source));
}

/** A pod is a pod even where its address is also one of the node's, as a bridge's is. */
export function sourceClassOf(ir: NodeIr, packet: Packet): SourceClass {
  if (isPod(ir.detector[packet.source.family], packet)) return "pod";
  return isNodeAddress(ir, packet.source) ? "node" : "outside";
}

function isPod(detector: IrDetector, packet: Packet): boolean {
  switch (detector.kind) {
    case "prefixes":
      return detector.prefixes.some((prefix) => prefixContains(prefix, packet.source));
    case "interface":
      return packet.inputInterface === detector.name;
    case "interface-prefix":
      return packet.inputInterface?.startsWith(detector.prefix) === true;
    case "none":
      return false;
    default:
      return unreachable(detector);
  }
}

/** The first route whose source matches; every frontend has one for all. */
export function routeFor(frontend: IrFrontend, source: SourceClass): IrRoute {
  const found = frontend.routes.find((route) => route.sources === "any" || route.sources === source);
  assert(found !== undefined, `${frontend.key} has no route for ${source}`);
  return found;
}

/** Every endpoint that may be chosen. */
function choicesOf(ir: NodeIr, frontend: IrFrontend, route: IrRoute, packet: Packet): readonly Choice[] {
  return route.pool.endpoints.map((endpoint) => ({
    address: endpoint.address,
    port: endpoint.port,
    share: shareOf(frontend.scheduler ?? ir.ipvs.defaultScheduler, route.pool, endpoint),
    masquerade:
      (route.masquerade || isHairpin(frontend, endpoint, packet)) && !staysOnNode(ir, packet.source, endpoint.address),
  }));
}

/**
 * A packet that came from elsewhere and is delivered to the node itself (a pod on the host's network) never meets
 * POSTROUTING, whatever was asked for: the server sees the client, and its answer passes the node anyhow.
 */
function staysOnNode(ir: NodeIr, source: IpAddress, endpoint: IpAddress): boolean {
  return isNodeAddress(ir, endpoint) && !isNodeAddress(ir, source);
}

/** A client that is sent to itself must not see its own address as source; without translation it never left. */
function isHairpin(frontend: IrFrontend, endpoint: IrEndpoint, packet: Packet): boolean {
  return frontend.forwarding.method === "nat" && endpoint.mayHairpin && endpoint.address.text === packet.source.text;
}

/**
 * The share of new connections over time: by weight, or in equal parts for rr, which ignores weights.
 * null where the scheduler looks at load or hashes.
 */
export function shareOf(scheduler: Scheduler, pool: IrPool, endpoint: IrEndpoint): Fraction | null {
  if (pool.endpoints.length === 1) return one;
  switch (scheduler) {
    case "wrr":
      return fraction(endpoint.weight, pool.totalWeight);
    case "rr":
      return fraction(1, pool.endpoints.length);
    default:
      return null;
  }
}
