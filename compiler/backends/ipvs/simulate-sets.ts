import { type IpAddress, prefixContains } from "../../net/address.ts";
import { assert, unreachable } from "../../result.ts";
import type { SetDirection } from "../iptables/program.ts";
import type { Extensions, PacketState } from "../iptables/simulate-match.ts";
import type { IpSet, MarkAction, SetElement } from "./program.ts";

/** One set, with an index of the elements that stand for one value each. */
interface Index {
  readonly set: IpSet;
  readonly exact: ReadonlyMap<string, SetElement>;
  /** Elements with a network, which are looked through: the longest prefix counts. */
  readonly networks: readonly SetElement[];
}

/** What a packet is in the dimensions of a set. */
interface Asked {
  readonly addresses: readonly IpAddress[];
  readonly service: string;
  readonly state: PacketState;
}

/** The sets as matches and targets of iptables ask them. Source: ipset(8), net/netfilter/ipset/ip_set_hash_*.c. */
export function setExtensions(sets: readonly IpSet[]): Extensions {
  const indexes = new Map(sets.map((set) => [set.name, indexOf(set)]));
  const find = (name: string, directions: readonly SetDirection[], state: PacketState): SetElement | null => {
    const index = indexes.get(name);
    assert(index !== undefined, `there is no set ${name}`);
    return findElement(index, askedOf(directions, state));
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
  const networks: SetElement[] = [];
  for (const element of set.elements) {
    const key = keyOf(element);
    if (key === null) networks.push(element);
    else exact.set(key, element);
  }
  return { set, exact, networks };
}

/** null for elements that stand for many values. */
function keyOf(element: SetElement): string | null {
  switch (element.kind) {
    case "ip":
      return element.address.text;
    case "ip-port":
      return `${element.address.text} ${element.protocol}:${element.port}`;
    case "ip-port-ip":
      return `${element.address.text} ${element.protocol}:${element.port} ${element.client.text}`;
    case "net":
    case "net-port":
    case "ip-port-net":
      return null;
    default:
      return unreachable(element);
  }
}

/** Addresses by direction; a port dimension is always that of the destination in weir's rules. */
function askedOf(directions: readonly SetDirection[], state: PacketState): Asked {
  assert(directions[1] !== "src", "source ports cannot be followed");
  const addresses = [directions[0], directions[2]].flatMap((direction) =>
    direction === undefined ? [] : [direction === "src" ? state.original.source : state.destination],
  );
  const protocol = state.flow.isIcmp ? "icmp" : state.original.protocol;
  return { addresses, service: `${protocol}:${state.port}`, state };
}

function findElement({ set, exact, networks }: Index, { addresses, service, state }: Asked): SetElement | null {
  const [first, second] = addresses;
  assert(first !== undefined, `set ${set.name} is asked for nothing`);
  switch (set.kind) {
    case "ip":
      return exact.get(first.text) ?? null;
    case "ip-port":
      return exact.get(`${first.text} ${service}`) ?? null;
    case "ip-port-ip":
      return exact.get(`${first.text} ${service} ${second?.text}`) ?? null;
    case "net":
    case "net-port":
    case "ip-port-net":
      return longest(networks.filter((element) => holds(element, first, second, state)));
    default:
      return unreachable(set.kind);
  }
}

function holds(element: SetElement, first: IpAddress, second: IpAddress | undefined, state: PacketState): boolean {
  const protocol = state.flow.isIcmp ? null : state.original.protocol;
  switch (element.kind) {
    case "net":
      return prefixContains(element.prefix, first);
    case "net-port":
      return prefixContains(element.prefix, first) && element.protocol === protocol && element.port === state.port;
    case "ip-port-net":
      return (
        element.address.text === first.text &&
        element.protocol === protocol &&
        element.port === state.port &&
        second !== undefined &&
        prefixContains(element.prefix, second)
      );
    default:
      return false;
  }
}

function longest(elements: readonly SetElement[]): SetElement | null {
  const length = (element: SetElement): number => ("prefix" in element ? element.prefix.length : 0);
  return elements.reduce<SetElement | null>(
    (best, element) => (best === null || length(element) > length(best) ? element : best),
    null,
  );
}
