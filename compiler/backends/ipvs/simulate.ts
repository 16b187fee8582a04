import { type IpAddress, isHostPrefix, prefixContains, prefixOf } from "../../net/address.ts";
import { type Fraction, fraction, one } from "../../net/fraction.ts";
import { startOf, Traveller, tracesOf, type Walk } from "../iptables/simulate.ts";
import type { IptablesPlace } from "../iptables/simulate-index.ts";
import type { Extensions, PacketState } from "../iptables/simulate-match.ts";
import type { Packet } from "../packet.ts";
import {
  type Branch,
  type End,
  type Flow,
  firstPacket,
  isFromNode,
  isLocal,
  placesOf,
  type Surroundings,
} from "../simulation.ts";
import { printId } from "./print-servers.ts";
import type { IpvsProgram, RealServer, VirtualServer } from "./program.ts";
import { setExtensions } from "./simulate-sets.ts";

/** A rule that matched, or the virtual server that took the packet. */
export type IpvsPlace = IptablesPlace | { readonly virtualServer: VirtualServer };

/** Persistence: the real server by virtual server and client, `-t 10.96.0.10:80 10.244.1.0`. */
export type IpvsMemory = ReadonlyMap<string, RealServer>;

export type IpvsBranch = Branch<IpvsPlace, IpvsMemory>;

/**
 * Follows the first packet of a connection. IPVS looks in LOCAL_IN behind filter INPUT, and in LOCAL_OUT behind nat and
 * before filter OUTPUT; what it sends on passes OUTPUT and POSTROUTING as its own. Packets reach LOCAL_IN when their
 * destination is the node's, or when the routing rule takes their mark and a local route their destination.
 * Source: net/netfilter/ipvs/ip_vs_core.c, ip_vs_xmit.c.
 */
export function simulateIpvs(
  program: IpvsProgram,
  surroundings: Surroundings,
  packet: Packet,
  memory: IpvsMemory = new Map(),
  flow: Flow = firstPacket,
): readonly IpvsBranch[] {
  const { world, start } = worldOf(program, surroundings, packet, flow, memory);
  if (world === null) return [{ share: one, end: { kind: "pass" }, traces: null, path: () => [], memory }];
  return isFromNode(surroundings, packet) ? fromNode(world, start) : arriving(world, start);
}

/** null where no rules are for the packet's family. */
export function worldOf(
  program: IpvsProgram,
  surroundings: Surroundings,
  packet: Packet,
  flow: Flow,
  memory: IpvsMemory = new Map(),
): { readonly world: World | null; readonly start: Walk } {
  const ruleset = program.rules[packet.destination.family];
  const state = startOf(packet, new Map(), flow, surroundings.mark);
  const start: Walk = { share: one, state, trail: null, verdict: null };
  if (ruleset === null) return { world: null, start };
  const traveller = new Traveller(ruleset, surroundings, indexOf(program).extensions);
  return { world: { program, surroundings, traveller, memory }, start };
}

export interface World {
  readonly program: IpvsProgram;
  readonly surroundings: Surroundings;
  readonly traveller: Traveller;
  readonly memory: IpvsMemory;
}

function fromNode(world: World, start: Walk): readonly IpvsBranch[] {
  const { traveller } = world;
  return traveller.hook("OUTPUT", [start], ["raw", "mangle", "nat"]).flatMap((walk) => {
    const server = isRefused(walk) ? null : virtualServerOf(world.program, walk.state);
    if (server !== null) return scheduled(world, walk, server);
    const rest = traveller.hook("POSTROUTING", traveller.hook("OUTPUT", [walk], ["filter"]));
    return rest.map((each) => unscheduled(world, each));
  });
}

function arriving(world: World, start: Walk): readonly IpvsBranch[] {
  const { traveller } = world;
  return traveller.hook("PREROUTING", [start]).flatMap((walk) => {
    if (isRefused(walk)) return [unscheduled(world, walk)];
    if (!isDelivered(world, walk.state)) {
      return traveller.hook("POSTROUTING", traveller.hook("FORWARD", [walk])).map((each) => unscheduled(world, each));
    }
    return traveller.hook("INPUT", [walk]).flatMap((each) => {
      const server = isRefused(each) ? null : virtualServerOf(world.program, each.state);
      return server === null ? [unscheduled(world, each)] : scheduled(world, each, server);
    });
  });
}

export function isRefused(walk: Walk): boolean {
  return walk.verdict === "drop" || walk.verdict === "reject";
}

/** Whether the packet is for the node: by its destination, or by the routing rule for its mark. */
export function isDelivered({ program, surroundings }: World, state: PacketState): boolean {
  if (isLocal(surroundings, state.destination)) return true;
  const routing = program.routing[state.destination.family];
  if (routing === null) return false;
  const { mark, mask } = routing.rule;
  return (state.mark & mask) >>> 0 === mark && indexOf(program).isRouted(state.destination);
}

/** By the whole mark first, then by what the packet asks for (ip_vs_service_find). */
export function virtualServerOf(program: IpvsProgram, state: PacketState): VirtualServer | null {
  const { original, destination, port, mark } = state;
  const { servers } = indexOf(program);
  const byMark = mark === 0 ? undefined : servers.get(`${destination.family} ${mark}`);
  return byMark ?? servers.get(`${destination.text} ${original.protocol} ${port}`) ?? null;
}

/** What is looked up in a program, made once for many packets. */
interface ProgramIndex {
  readonly extensions: Extensions;
  readonly servers: ReadonlyMap<string, VirtualServer>;
  /** Whether a local route for marked packets has the address. */
  readonly isRouted: (address: IpAddress) => boolean;
}

const indexes = new WeakMap<IpvsProgram, ProgramIndex>();

function indexOf(program: IpvsProgram): ProgramIndex {
  const known = indexes.get(program);
  if (known !== undefined) return known;
  const servers = new Map<string, VirtualServer>();
  for (const server of program.virtualServers) {
    const { id } = server;
    const place = id.kind === "mark" ? `${id.family} ${id.mark}` : `${id.address.text} ${id.protocol} ${id.port}`;
    // a second one of the same place is refused by the kernel
    if (!servers.has(place)) servers.set(place, server);
  }
  const index = { extensions: setExtensions(program.sets), servers, isRouted: routesOf(program) };
  indexes.set(program, index);
  return index;
}

/** There is a route for each VIP outside of the service ranges. */
function routesOf({ routing }: IpvsProgram): ProgramIndex["isRouted"] {
  const prefixes = [routing.ipv4, routing.ipv6].flatMap((each) => each?.prefixes ?? []);
  const hosts = new Set(prefixes.filter(isHostPrefix).map((prefix) => prefix.address.text));
  const networks = prefixes.filter((prefix) => !isHostPrefix(prefix));
  return (address) => hosts.has(address.text) || networks.some((prefix) => prefixContains(prefix, address));
}

/** Without a server to choose, the node's own packets are answered; others get silence, as the address is not the node's. */
function scheduled(world: World, walk: Walk, server: VirtualServer): readonly IpvsBranch[] {
  const path = (): readonly IpvsPlace[] => [...placesOf(walk.trail), { virtualServer: server }];
  const key = memoryKey(server, walk.state);
  const remembered = world.memory.get(key);
  const known = server.realServers.find(
    ({ address, port }) => address.text === remembered?.address.text && port === remembered.port,
  );
  const isKnown = known !== undefined && remembers(server, walk.state.flow.secondsLater);
  const possible = isKnown ? [{ real: known, share: one }] : choicesOf(server);
  if (possible.length === 0) {
    const end: End = { kind: isFromNode(world.surroundings, walk.state.original) ? "reject" : "drop" };
    return [{ share: one, end, traces: null, path, memory: world.memory }];
  }
  return possible.flatMap(({ real, share }) => {
    const memory = remembers(server, 0) ? new Map(world.memory).set(key, real) : world.memory;
    return sentOn(world, walk, real).map((each) => ({
      share,
      end: endOf(each, real, walk.state),
      traces:
        isKeptHere(world, walk.state, real) || isRefused(each)
          ? null
          : { mark: each.state.mark, classId: 0, isAccepted: each.state.isAccepted },
      path: () => [...path(), ...placesOf(each.trail).slice(placesOf(walk.trail).length)],
      memory,
    }));
  });
}

/**
 * Whether a client that comes again meets the same server. Persistence keeps it; a hash of the client's address gives it
 * again, as long as the servers are the same and the port is not hashed too (ip_vs_sh.c, ip_vs_mh.c).
 */
function remembers({ persistence, scheduler, schedulerFlags }: VirtualServer, secondsLater: number): boolean {
  if (persistence !== null) return secondsLater < persistence.timeoutSeconds;
  return (scheduler === "sh" || scheduler === "mh") && !schedulerFlags.includes("port");
}

function memoryKey(server: VirtualServer, state: PacketState): string {
  const { source } = state.original;
  const network = server.persistence === null ? source : prefixOf(source, server.persistence.prefixLength).address;
  return `${printId(server.id)} ${network.text}`;
}

interface ServerChoice {
  readonly real: RealServer;
  readonly share: Fraction | null;
}

const choices = new WeakMap<VirtualServer, readonly ServerChoice[]>();

/** Servers of weight 0 are not chosen. Shares are told where the scheduler looks neither at load nor at hashes. */
function choicesOf(server: VirtualServer): readonly ServerChoice[] {
  const known = choices.get(server);
  if (known !== undefined) return known;
  const usable = server.realServers.filter(({ weight }) => weight > 0);
  const total = usable.reduce((sum, { weight }) => sum + weight, 0);
  const made = usable.map((real) => ({ real, share: shareOf(server.scheduler, real, usable.length, total) }));
  choices.set(server, made);
  return made;
}

function shareOf(
  scheduler: VirtualServer["scheduler"],
  real: RealServer,
  count: number,
  total: number,
): Fraction | null {
  if (count === 1) return one;
  if (scheduler === "rr") return fraction(1, count);
  return scheduler === "wrr" ? fraction(real.weight, total) : null;
}

/** A process of the node takes the packet, which is past all rules. */
function isKeptHere({ surroundings }: World, state: PacketState, real: RealServer): boolean {
  return isLocal(surroundings, real.address) && !isFromNode(surroundings, state.original);
}

/** To a server on the node itself a packet goes on where it is; otherwise it leaves as IPVS's own. */
export function sentOn(world: World, walk: Walk, real: RealServer): readonly Walk[] {
  const isTranslating = real.method.kind === "masq";
  const state: PacketState = {
    ...walk.state,
    viaIpvs: true,
    ...(isTranslating ? { destination: real.address, port: real.port, isTranslated: true } : {}),
  };
  const sent: Walk = { ...walk, state };
  if (isKeptHere(world, walk.state, real)) return [sent];
  const { traveller } = world;
  // the packet around it has a connection of its own, but it inherits the mark
  if (real.method.kind === "tunnel") return traveller.hook("POSTROUTING", [sent], ["mangle"]);
  return traveller.hook("POSTROUTING", traveller.hook("OUTPUT", [sent]));
}

function endOf(walk: Walk, real: RealServer, before: PacketState): End {
  if (walk.verdict === "drop" || walk.verdict === "reject") return { kind: walk.verdict };
  const port = real.method.kind === "masq" ? real.port : before.port;
  return { kind: "translated", address: real.address, port, masquerade: walk.state.masquerade };
}

function unscheduled(world: World, walk: Walk): IpvsBranch {
  const { share, state, trail, verdict } = walk;
  const { destination: address, port, masquerade } = state;
  // a packet that is masqueraded is not left alone, wherever it goes
  const passed: End = masquerade ? { kind: "translated", address, port, masquerade } : { kind: "pass" };
  const end: End = verdict === "drop" || verdict === "reject" ? { kind: verdict } : passed;
  return {
    share,
    end,
    traces: tracesOf(state, end, world.surroundings),
    path: () => placesOf(trail),
    memory: world.memory,
  };
}
