import { allocatePorts, portPlace } from "../../compiler/backends/userspace/ports.ts";
import type { ProxyFrontend, ProxyListener, ProxyTable } from "../../compiler/backends/userspace/program.ts";
import type { Family, IpAddress, Prefix } from "../../compiler/net/address.ts";
import { addressFromBits, prefixContains } from "../../compiler/net/address.ts";
import type { Port, PortRange, Protocol } from "../../compiler/net/port.ts";
import { formatSocket } from "../../compiler/net/socket.ts";
import type { PoolPlan } from "./pool.ts";
import type { Route } from "./sources.ts";

/** Where a proxy listens for what. */
export interface Binding {
  /** The same in the next table: then its socket stays as it is. */
  readonly id: string;
  readonly protocol: Protocol;
  readonly address: IpAddress;
  /** The first that can be had is taken. */
  readonly ports: readonly Port[];
  /** The service port. */
  readonly key: string;
  /** What clients would ask for: `10.96.0.10:80`, `node port 30080`; null for a listener that rules lead to. */
  readonly serves: string | null;
  readonly sourceRanges: readonly Prefix[] | null;
  readonly routes: readonly Route[];
}

export interface ProxyPlan {
  readonly bindings: readonly Binding[];
  /** By the name of the table's listener. */
  readonly pools: ReadonlyMap<string, PoolPlan>;
  readonly pods: ProxyTable["pods"];
}

/**
 * `rules`: packets come by redirect rules to the table's listeners, and the rules have told sources apart.
 * `addresses`: each service address gets a port on these addresses, its own number where that is free.
 * `services`: the addresses of services themselves, which are the node's.
 */
export type ListenMode =
  | { readonly kind: "rules" }
  | { readonly kind: "addresses"; readonly addresses: readonly IpAddress[]; readonly range: PortRange }
  | { readonly kind: "services" };

/** Used with `addresses` where a port's own number cannot be had; not among ephemeral ports nor Kubernetes' node ports. */
export const usualPortRange: PortRange = { first: 20_000, last: 29_999 };

/** What to listen on. `nodeAddresses` are those of the machine, without loopback. */
export function planProxy(table: ProxyTable, mode: ListenMode, nodeAddresses: readonly IpAddress[]): ProxyPlan {
  const pools = new Map(table.listeners.map((listener) => [listener.name, listener]));
  return { bindings: bindingsOf(table, mode, nodeAddresses), pools, pods: table.pods };
}

/** All places of several plans; a pool that more than one has is as the last one says. */
export function joinPlans(plans: readonly ProxyPlan[]): ProxyPlan {
  const bindings = new Map(plans.flatMap((plan) => plan.bindings.map((binding) => [binding.id, binding] as const)));
  const pools = new Map(plans.flatMap((plan) => [...plan.pools]));
  const none = { kind: "none" } as const;
  return { bindings: [...bindings.values()], pools, pods: plans.at(-1)?.pods ?? { ipv4: none, ipv6: none } };
}

function bindingsOf(table: ProxyTable, mode: ListenMode, nodeAddresses: readonly IpAddress[]): readonly Binding[] {
  const ofFamily = (family: Family) => nodeAddresses.filter((address) => address.family === family);
  switch (mode.kind) {
    case "rules":
      return table.listeners.flatMap((listener) =>
        (listener.address === null ? ofFamily(listener.family) : [listener.address]).map((address) =>
          ruleBinding(listener, address),
        ),
      );
    case "services":
      return table.frontends.flatMap((frontend) =>
        addressesOf(frontend, table, nodeAddresses).map((address) =>
          frontendBinding(
            frontend,
            address,
            [frontend.port],
            `${frontend.protocol} ${formatSocket(address, frontend.port)}`,
          ),
        ),
      );
    case "addresses":
      return mode.addresses
        .flatMap((address) => withoutWildcard(address, nodeAddresses))
        .flatMap((address) => mappedBindings(table.frontends, address, mode.range));
  }
}

/** A socket on the wildcard would answer UDP from an address that the client never asked: each address gets its own. */
function withoutWildcard(address: IpAddress, nodeAddresses: readonly IpAddress[]): readonly IpAddress[] {
  if (address.bits !== 0n) return [address];
  const { family } = address;
  const loopback = addressFromBits(family, family === "ipv4" ? 0x7f000001n : 1n);
  return [loopback, ...nodeAddresses.filter((each) => each.family === family)];
}

function ruleBinding({ name, key, protocol, port }: ProxyListener, address: IpAddress): Binding {
  return {
    id: `${protocol} ${formatSocket(address, port)}`,
    protocol,
    address,
    ports: [port],
    key,
    serves: null,
    sourceRanges: null,
    routes: [{ sources: "any", listener: name }],
  };
}

function addressesOf(frontend: ProxyFrontend, table: ProxyTable, node: readonly IpAddress[]): readonly IpAddress[] {
  if (frontend.address !== null) return [frontend.address];
  const selection = table.nodePortAddresses[frontend.family];
  return node.filter(
    (address) =>
      address.family === frontend.family &&
      (selection.kind === "any" || selection.prefixes.some((prefix) => prefixContains(prefix, address))),
  );
}

function frontendBinding(frontend: ProxyFrontend, address: IpAddress, ports: readonly Port[], id: string): Binding {
  const { key, protocol, sourceRanges, routes } = frontend;
  return { id, protocol, address, ports, key, serves: servesOf(frontend), sourceRanges, routes };
}

/** `10.96.0.10:80`, `node port 30080`. */
function servesOf({ address, port }: ProxyFrontend): string {
  return address === null ? `node port ${port}` : formatSocket(address, port);
}

/**
 * Frontends of all families on one address. The first with a port number is meant to have it, and may, where the system
 * lets it; the others get one by a hash of what they serve, so that it is the same at every start.
 */
function mappedBindings(frontends: readonly ProxyFrontend[], address: IpAddress, range: PortRange): readonly Binding[] {
  const owners = new Map<string, ProxyFrontend>();
  for (const frontend of frontends) {
    const place = portPlace(address.family, frontend.protocol, frontend.port);
    if (!owners.has(place)) owners.set(place, frontend);
  }
  const nameOf = (frontend: ProxyFrontend) => `${frontend.protocol} ${frontend.family} ${servesOf(frontend)}`;
  const names = frontends.map((frontend) => ({
    name: nameOf(frontend),
    family: address.family,
    protocol: frontend.protocol,
  }));
  const sorted = names.sort((a, b) => (a.name < b.name ? -1 : 1));
  const ports = allocatePorts(sorted, [range], new Set(owners.keys()));
  return frontends.map((frontend) => {
    const isOwner = owners.get(portPlace(address.family, frontend.protocol, frontend.port)) === frontend;
    const given = ports.get(nameOf(frontend)) ?? null;
    const candidates = [...(isOwner ? [frontend.port] : []), ...(given === null ? [] : [given])];
    return frontendBinding(frontend, address, candidates, `${nameOf(frontend)} on ${address.text}`);
  });
}
