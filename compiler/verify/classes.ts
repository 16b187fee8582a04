import type { Condition } from "../backends/condition.ts";
import type { Packet } from "../backends/packet.ts";
import type { IrFrontend, NodeIr } from "../ir/ir.ts";
import { frontendOf, isNodeAddress } from "../ir/lookup.ts";
import { families, hostPrefix, type IpAddress, type Prefix } from "../net/address.ts";
import { type PortRange, type Protocol, protocols, rangeHas } from "../net/port.ts";
import { Boundaries } from "./boundaries.ts";
import { irConditions } from "./ir-conditions.ts";
import { addressRepresentatives, portRepresentatives } from "./representatives.ts";

/** A class of packets that spec and rules cannot tell apart, by one of them. */
export interface PacketClass {
  readonly packet: Packet;
  readonly frontend: IrFrontend | null;
}

/** How many ports of node ports are tried on addresses that serve none. */
const sampledPorts = 2;

/**
 * All packets, divided so that neither the spec nor a rule can tell two packets of a class apart. The plain product of
 * all boundaries would be too large, and most of it empty of meaning, because conditions are conjunctions:
 *
 * - A condition on a single destination and something else (the port of a VIP, the source range of a frontend) can
 *   only be a boundary for packets to that destination, before translation or after. So ports and sources are divided
 *   for each destination by the conditions that name it, by those that name none, and, for sources, by those that name
 *   an endpoint which the frontend may translate to.
 * - A destination that no frontend or VIP has, an endpoint say, differs from the network around it only for conditions
 *   that name it. It is tried with what these say; protocols, ports and sources as such are tried on its network.
 * - Ports of conditions without a single destination are those of node ports. They are tried on every address of the
 *   node and on one VIP, and some of them on every network; those of conditions on a network are tried in all of it. That a
 *   rule for all addresses treats the other VIPs like that one is taken for granted.
 */
export function* packetClasses(
  ir: NodeIr,
  conditions: readonly Condition[],
  keys: ReadonlySet<string> | null = null,
): Generator<PacketClass> {
  for (const family of families) {
    const all = [...irConditions(ir, family), ...conditions.filter((each) => each.family === family)];
    const boundaries = new Boundaries(ir, family, all);
    const vips = ir.vips[family].map(({ text }) => text);
    const served = new Set([...ir.frontends[family].map(({ address }) => address?.text), ...vips]);
    for (const destination of boundaries.destinations) {
      const isNamed = boundaries.of(destination).length > 0;
      const isWhole = isNodeAddress(ir, destination) || destination.text === vips[0];
      if (isNamed && !isWhole && !served.has(destination.text)) {
        if (keys === null) yield* namedClasses(ir, boundaries, destination);
        continue;
      }
      const samples = isNamed ? 0 : sampledPorts;
      const some = portsOf(boundaries.around(destination));
      const ports = isWhole ? boundaries.loosePorts : [...boundaries.loosePorts.slice(0, samples), ...some];
      yield* destinationClasses(ir, boundaries, destination, ports, keys);
    }
  }
}

/** Every protocol, port and source that is told from others for this destination. */
function* destinationClasses(
  ir: NodeIr,
  boundaries: Boundaries,
  destination: IpAddress,
  looseRanges: readonly PortRange[],
  keys: ReadonlySet<string> | null,
): Generator<PacketClass> {
  const ports = portRepresentatives([...portsOf(boundaries.of(destination)), ...looseRanges]);
  for (const protocol of protocols) {
    for (const port of ports) {
      const frontend = frontendOf(ir, destination, protocol, port);
      if (keys !== null && (frontend === null || !keys.has(frontend.key))) continue;
      const place: Place = { protocol, destination, port, frontend };
      const own = sourcesFor(boundaries, place);
      const sources =
        own.length === 0
          ? boundaries.sources
          : addressRepresentatives(boundaries.family, [...boundaries.looseSources, ...own]);
      yield* sourceClasses(ir, boundaries, sources, place);
    }
  }
}

interface Place {
  readonly protocol: Protocol;
  readonly destination: IpAddress;
  readonly port: number;
  readonly frontend: IrFrontend | null;
}

/** Sources that only packets to this place, or to one of its endpoints, are asked for. */
function sourcesFor(boundaries: Boundaries, { protocol, destination, port, frontend }: Place): readonly Prefix[] {
  const found = new Map<string, Prefix>();
  const add = (prefix: Prefix | null) => {
    if (prefix !== null) found.set(prefix.text, prefix);
  };
  for (const condition of [...boundaries.sourcesAt(destination, port), ...boundaries.ofPort(port)]) {
    const isOther = condition.protocol !== null && condition.protocol !== protocol;
    if (!isOther && (condition.ports === null || rangeHas(condition.ports, port))) add(condition.source);
  }
  for (const pool of new Set(frontend?.routes.map((route) => route.pool))) {
    for (const { address } of pool.endpoints) {
      add(hostPrefix(address));
      for (const { source } of boundaries.sourcesOf(address)) add(source);
    }
  }
  return [...found.values()];
}

/** Packets of the node itself come in by no interface. */
function* sourceClasses(
  ir: NodeIr,
  { interfaces }: Boundaries,
  sources: readonly IpAddress[],
  { protocol, destination, port, frontend }: Place,
): Generator<PacketClass> {
  for (const source of sources) {
    for (const inputInterface of isNodeAddress(ir, source) ? [null] : interfaces) {
      yield { packet: { protocol, source, destination, port, inputInterface }, frontend };
    }
  }
}

/** A destination that is nobody's, with what the conditions that name it ask. */
function* namedClasses(ir: NodeIr, boundaries: Boundaries, destination: IpAddress): Generator<PacketClass> {
  const own = boundaries.of(destination);
  const prefixes = own.flatMap(({ source }) => (source === null ? [] : [source]));
  const named = new Set(own.flatMap(({ protocol }) => (protocol === null ? [] : [protocol])));
  const sources = addressRepresentatives(boundaries.family, prefixes);
  for (const protocol of named.size === 0 ? (["tcp"] as const) : named) {
    for (const port of portRepresentatives(portsOf(own))) {
      const frontend = frontendOf(ir, destination, protocol, port);
      yield* sourceClasses(ir, boundaries, sources, { protocol, destination, port, frontend });
    }
  }
}

function portsOf(conditions: readonly Condition[]): readonly PortRange[] {
  return conditions.flatMap(({ ports }) => (ports === null ? [] : [ports]));
}
