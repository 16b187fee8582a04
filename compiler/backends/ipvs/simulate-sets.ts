import { type IpAddress, prefixContains } from "../../net/address.ts";
import type { Protocol } from "../../net/port.ts";
import { assert, InternalError, unreachable } from "../../result.ts";
import type { SetDirection } from "../iptables/program.ts";
import type { Extensions, PacketState } from "../iptables/simulate-match.ts";
import type { IpSet, MarkAction, SetElement } from "./program.ts";

/** One set, with an index of its elements by all that is one value in them. */
interface Index {
  readonly set: IpSet;
  readonly exact: ReadonlyMap<string, SetElement>;
  /** Elements with a network, which are looked through: the longest prefix counts. */
  readonly networks: ReadonlyMap<string, readonly SetElement[]>;
}

/** What a packet is in the dimensions of a set. */
interface Asked {
  readonly first: IpAddress;
  readonly second: IpAddress | undefined;
  readonly protocol: Protocol | "icmp";
  readonly port: number;
}

/** The sets as matches and targets of iptables ask them. Source: ipset(8), net/netfilter/ipset/ip_set_hash_*.c. */
export function setExtensions(sets: readonly IpSet[]): Extensions {
  const indexes = new Map(sets.map((set) => [set.name, indexOf(set)]));
  const find = (name: string, directions: readonly SetDirection[], state: PacketState): SetElement | null => {
    const index = indexes.get(name);
    assert(index !== undefined, `there is no set ${name}`);
    return findElement(index, askedOf(name, directions, state));
  };
  return {
    set: ({ name, directions, negated }, state) => (find(name, directions, state) !== null) !== negated,
    markOf: ({ name, directions }, state) => {
      const action = actionOf(find(name, directions, state));
      return action === null ? state.mark : ((state.mark & ~action.mask) ^ action.value) >>> 0;
    },
  };
}

function actionOf(element: SetElement | null): MarkAction | null {
  return element !== null && "action" in element ? element.action : null;
}

function indexOf(set: IpSet): Index {
  const exact = new Map<string, SetElement>();
  const networks = new Map<string, SetElement[]>();
  for (const element of set.elements) {
    const key = keyOf(element);
    if (!("prefix" in element)) exact.set(key, element);
    else if (!networks.get(key)?.push(element)) networks.set(key, [element]);
  }
  return { set, exact, networks };
}

/** All dimensions that are one value, and not a network. */
function keyOf(element: SetElement): string {
  switch (element.kind) {
    case "ip":
      return element.address.text;
    case "ip-port":
    case "ip-port-net":
      return `${element.address.text} ${element.protocol}:${element.port}`;
    case "ip-port-ip":
      return `${element.address.text} ${element.protocol}:${element.port} ${element.client.text}`;
    case "net":
      return "";
    case "net-port":
      return `${element.protocol}:${element.port}`;
    default:
      return unreachable(element);
  }
}

/** The same of a packet, for a set of this kind. */
function keyAsked(kind: IpSet["kind"], { first, second, protocol, port }: Asked): string {
  switch (kind) {
    case "ip":
      return first.text;
    case "ip-port":
    case "ip-port-net":
      return `${first.text} ${protocol}:${port}`;
    case "ip-port-ip":
      return `${first.text} ${protocol}:${port} ${second?.text}`;
    case "net":
      return "";
    case "net-port":
      return `${protocol}:${port}`;
    default:
      return unreachable(kind);
  }
}

/** Addresses by direction; a port dimension is always that of the destination in weir's rules. */
function askedOf(name: string, directions: readonly SetDirection[], state: PacketState): Asked {
  const { original, flow, destination, port } = state;
  const [side, portSide, otherSide] = directions;
  assert(portSide !== "src", "source ports cannot be followed");
  if (side === undefined) throw new InternalError(`set ${name} is asked for nothing`);
  const addressOf = (direction: SetDirection) => (direction === "src" ? original.source : destination);
  const second = otherSide === undefined ? undefined : addressOf(otherSide);
  return { first: addressOf(side), second, protocol: flow.isIcmp ? "icmp" : original.protocol, port };
}

function findElement({ set, exact, networks }: Index, asked: Asked): SetElement | null {
  const key = keyAsked(set.kind, asked);
  const found = exact.get(key);
  if (found !== undefined) return found;
  const address = set.kind === "ip-port-net" ? asked.second : asked.first;
  const elements = networks.get(key);
  if (elements === undefined || address === undefined) return null;
  return longest(elements.filter((element) => "prefix" in element && prefixContains(element.prefix, address)));
}

function longest(elements: readonly SetElement[]): SetElement | null {
  const length = (element: SetElement): number => ("prefix" in element ? element.prefix.length : 0);
  return elements.reduce<SetElement | null>(
    (best, element) => (best === null || length(element) > length(best) ? element : best),
    null,
  );
}
