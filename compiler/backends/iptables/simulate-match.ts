import { addressFromBits, type IpAddress, prefixContains } from "../../net/address.ts";
import { rangeHas } from "../../net/port.ts";
import { InternalError, unreachable } from "../../result.ts";
import type { Packet } from "../packet.ts";
import { type Flow, isLocal, type Surroundings } from "../simulation.ts";
import type {
  AddressType,
  ConntrackState,
  ConntrackStatus,
  IptablesMatch,
  IptablesProtocol,
  IptablesTarget,
  RecentMatch,
} from "./program.ts";

/** Lists of the recent match that know a client: `LIST ADDRESS` with the address masked as the rule says, and since how many seconds. */
export type RecentMemory = ReadonlyMap<string, number>;

/** The packet on its way. Translation changes its destination, the original one stays in connection tracking. */
export interface PacketState {
  readonly original: Packet;
  readonly flow: Flow;
  readonly destination: IpAddress;
  readonly port: number;
  readonly mark: number;
  readonly connectionMark: number;
  readonly isTranslated: boolean;
  readonly masquerade: boolean;
  /** A rule of weir's has accepted it: the table ends there, and rules of others behind weir's do not see it. */
  readonly isAccepted: boolean;
  /** IPVS has sent it on. */
  readonly viaIpvs: boolean;
  /** Whether the current hook knows the interface that the packet came in by. */
  readonly hasInput: boolean;
  readonly memory: RecentMemory;
}

/** What matches ask that is not in iptables itself. */
export interface Extensions {
  readonly set: (match: IptablesMatch & { readonly kind: "set" }, state: PacketState) => boolean;
  /** The packet's mark after the set's element for it, if there is one. */
  readonly markOf: (target: IptablesTarget & { readonly kind: "map-set" }, state: PacketState) => number;
}

export const noExtensions: Extensions = {
  set: ({ name }) => {
    throw new InternalError(`set ${name} is not known here`);
  },
  markOf: ({ name }) => {
    throw new InternalError(`set ${name} is not known here`);
  },
};

/**
 * Whether a match holds for the first packet of a connection; `statistic` is not asked here, because it holds sometimes, nor are comments.
 * Source: iptables-extensions(8), and net/netfilter/xt_*.c for what the page leaves open.
 */
export function matches(
  match: Exclude<IptablesMatch, { readonly kind: "statistic" | "comment" }>,
  state: PacketState,
  surroundings: Surroundings,
  extensions: Extensions,
): boolean {
  const { original } = state;
  switch (match.kind) {
    case "recent":
      return recentHolds(match, state);
    case "ipvs":
      return viaIpvsHolds(match, state);
    case "set":
      return extensions.set(match, state);
    case "ct-direction":
      return (match.direction === "REPLY") === state.flow.isReply;
    case "source":
      return prefixContains(match.prefix, original.source) !== match.negated;
    case "destination":
      return prefixContains(match.prefix, state.destination) !== match.negated;
    case "input-interface":
      return isNamed(match.name, state.hasInput ? original.inputInterface : null) !== match.negated;
    case "protocol":
      return isOfProtocol(match.protocol, state) !== match.negated;
    case "destination-port":
      return (isOfProtocol(match.protocol, state) && rangeHas(match.ports, state.port)) !== match.negated;
    case "mark":
      return ((state.mark & match.mask) >>> 0 === match.value) !== match.negated;
    case "ct-mark":
      return ((state.connectionMark & match.mask) >>> 0 === match.value) !== match.negated;
    case "address-type": {
      const address = match.side === "source" ? original.source : state.destination;
      return hasType(match.type, address, surroundings) !== match.negated;
    }
    case "ct-state":
      return match.states.some((each) => isInState(each, state)) !== match.negated;
    case "ct-status":
      return match.statuses.some((each) => hasStatus(each, state.flow)) !== match.negated;
    case "ct-original-destination":
      return prefixContains(match.prefix, original.destination) !== match.negated;
    case "ct-original-port":
      return (match.port === original.port) !== match.negated;
    case "source-port":
    case "output-interface":
      // neither is told by a packet's class; weir's rules ask for none of them
      throw new InternalError(`a match of ${match.kind} cannot be followed`);
    default:
      return unreachable(match);
  }
}

/** A name that ends in `+` stands for all that begin so; no interface has the empty name. */
function isNamed(pattern: string, name: string | null): boolean {
  const known = name ?? "";
  return pattern.endsWith("+") ? known.startsWith(pattern.slice(0, -1)) : known === pattern;
}

function hasType(type: AddressType, address: IpAddress, surroundings: Surroundings): boolean {
  switch (type) {
    case "LOCAL":
      return isLocal(surroundings, address);
    case "MULTICAST":
      return isMulticast(address);
    case "BROADCAST":
      return address.text === "255.255.255.255";
    case "UNICAST":
      return !isLocal(surroundings, address) && !isMulticast(address) && address.text !== "255.255.255.255";
  }
}

function isMulticast({ family, bits }: IpAddress): boolean {
  return family === "ipv4" ? bits >> 28n === 0xen : bits >> 120n === 0xffn;
}

function isOfProtocol(protocol: IptablesProtocol, { flow, original }: PacketState): boolean {
  if (!flow.isIcmp) return protocol === original.protocol;
  return protocol === (original.destination.family === "ipv4" ? "icmp" : "ipv6-icmp");
}

/** SNAT is decided after every rule that could ask for it. */
function isInState(state: ConntrackState, { flow, isTranslated }: PacketState): boolean {
  return state === flow.state || (state === "DNAT" && (isTranslated || flow.isTranslated));
}

/** A first packet has seen no reply and is confirmed only when it leaves. */
function hasStatus(status: ConntrackStatus, { state }: Flow): boolean {
  return status === "EXPECTED" ? state === "RELATED" : state === "ESTABLISHED";
}

/** Weir's rules ask only whether a connection is one of IPVS. */
function viaIpvsHolds(match: IptablesMatch & { readonly kind: "ipvs" }, state: PacketState): boolean {
  const { protocol, address, port, direction, method } = match;
  if ([protocol, address, port, direction, method].some((each) => each !== null)) {
    throw new InternalError("properties of an IPVS connection cannot be followed");
  }
  return state.viaIpvs !== match.negated;
}

/** The client's entry in a list. */
export function recentEntry(match: RecentMatch, source: IpAddress): string {
  return `${match.list} ${addressFromBits(source.family, source.bits & match.mask.bits).text}`;
}

/** `set` and `remove` of an unknown client differ (xt_recent.c). */
function recentHolds(match: RecentMatch, state: PacketState): boolean {
  if (match.action === "set") return true;
  const age = state.memory.get(recentEntry(match, state.original.source));
  return age !== undefined && (match.seconds === null || age < match.seconds);
}
