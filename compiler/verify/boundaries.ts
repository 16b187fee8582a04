import type { Condition } from "../backends/condition.ts";
import type { NodeIr } from "../ir/ir.ts";
import { isNodeAddress } from "../ir/lookup.ts";
import { type Family, type IpAddress, isHostPrefix, type Prefix, prefixContains } from "../net/address.ts";
import type { PortRange } from "../net/port.ts";
import { addressRepresentatives, interfaceRepresentatives } from "./representatives.ts";

/** The conditions of one family, by what they hold for. */
export class Boundaries {
  readonly family: Family;
  /** One destination for each class of them. */
  readonly destinations: readonly IpAddress[];
  readonly interfaces: readonly (string | null)[];
  /** Told from others whatever the destination is. */
  readonly looseSources: readonly Prefix[];
  /** One source for each class that these make. */
  readonly sources: readonly IpAddress[];
  readonly loosePorts: readonly PortRange[];
  readonly #ofHost = new Map<string, Condition[]>();
  readonly #ofNetwork = new Map<Prefix, Condition[]>();
  readonly #ofPort = new Map<number, Condition[]>();
  /** Those of a host that ask for a source too: a node has thousands of conditions on its ports, and few of these. */
  readonly #sourcesOfHost = new Map<string, Condition[]>();
  /** Those of them that name one port, by host and port. */
  readonly #sourcesOfPlace = new Map<string, Condition[]>();

  constructor(ir: NodeIr, family: Family, conditions: readonly Condition[]) {
    this.family = family;
    const destinations = new Map<string, Prefix>();
    const sources = new Map<string, Prefix>();
    const ports = new Map<string, PortRange>();
    for (const condition of conditions) {
      const { source, destination, ports: range } = condition;
      if (destination !== null && !destinations.has(destination.text)) destinations.set(destination.text, destination);
      const isHost = destination !== null && isHostPrefix(destination);
      if (isHost) push(this.#ofHost, destination.address.text, condition);
      else if (range !== null) {
        ports.set(`${range.first}-${range.last}`, range);
        // sets have two halves in place of everything
        const known = destination === null || destination.length < 2 ? undefined : destinations.get(destination.text);
        if (known !== undefined) push(this.#ofNetwork, known, condition);
      }
      if (source === null) continue;
      const isOfOnePort = range !== null && range.first === range.last;
      if (isHost) {
        const { text } = destination.address;
        push(this.#sourcesOfHost, text, condition);
        push(this.#sourcesOfPlace, isOfOnePort ? `${text} ${range.first}` : text, condition);
      }
      // rules that redirect go on with an address of the node as destination, whoever was asked for
      const isOfOneHost = isHost && !isNodeAddress(ir, destination.address);
      if (!isHost && isOfOnePort) push(this.#ofPort, range.first, condition);
      else if (!isOfOneHost) sources.set(source.text, source);
    }
    this.destinations = addressRepresentatives(family, [...destinations.values()]);
    this.interfaces = interfaceRepresentatives(
      conditions.flatMap(({ inputInterface }) => (inputInterface === null ? [] : [inputInterface])),
    );
    this.looseSources = [...sources.values()];
    this.sources = addressRepresentatives(family, this.looseSources);
    this.loosePorts = [...ports.values()];
  }

  /** Conditions that name this destination. */
  of(address: IpAddress): readonly Condition[] {
    return this.#ofHost.get(address.text) ?? [];
  }

  /** Conditions that name a network around this destination, and ports. */
  around(address: IpAddress): readonly Condition[] {
    return [...this.#ofNetwork].flatMap(([network, own]) => (prefixContains(network, address) ? own : []));
  }

  /** Conditions on a source that name this destination. */
  sourcesOf(address: IpAddress): readonly Condition[] {
    return this.#sourcesOfHost.get(address.text) ?? [];
  }

  /** Conditions on a source that name this destination, and if they name one port, this one. */
  sourcesAt({ text }: IpAddress, port: number): readonly Condition[] {
    const [every, own] = [this.#sourcesOfPlace.get(text) ?? [], this.#sourcesOfPlace.get(`${text} ${port}`) ?? []];
    return own.length === 0 ? every : [...every, ...own];
  }

  /** Conditions on a source that name this port and no single destination. */
  ofPort(port: number): readonly Condition[] {
    return this.#ofPort.get(port) ?? [];
  }
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
