import { addressFromBits, addressWidth, type IpAddress } from "../../net/address.ts";
import { type Fraction, fraction, multiply, one } from "../../net/fraction.ts";
import type { Port, Protocol } from "../../net/port.ts";
import { simulateIptables } from "../iptables/simulate.ts";
import type { IptablesPlace } from "../iptables/simulate-index.ts";
import type { Packet } from "../packet.ts";
import type { Branch, Surroundings } from "../simulation.ts";
import type { ProxyEndpoint, ProxyListener, ProxyProgram } from "./program.ts";

/** A rule that matched, or the listener that took the connection. */
export type ProxyPlace = IptablesPlace | { readonly listener: ProxyListener };

/** Affinity: the endpoint by listener and client. */
export type ProxyMemory = ReadonlyMap<string, ProxyEndpoint>;

export type ProxyBranch = Branch<ProxyPlace, ProxyMemory>;

/**
 * Follows the first packet of a connection through the rules to a listener of the proxy, which spreads as its scheduler says. The
 * endpoint's connection is one of the proxy's own, so it sees the node as its client: `masquerade` is always true.
 */
export function simulateUserspace(
  { rules, table }: ProxyProgram,
  surroundings: Surroundings,
  packet: Packet,
  memory: ProxyMemory = new Map(),
  secondsLater = 0,
): readonly ProxyBranch[] {
  return simulateIptables(rules, surroundings, packet).flatMap((branch): readonly ProxyBranch[] => {
    const { share, end, path } = branch;
    const listener =
      end.kind === "translated" ? listenerAt(table.listeners, packet.protocol, end.address, end.port) : null;
    if (listener === null) return [{ share, end, traces: branch.traces, path, memory }];
    return choicesOf(listener, packet, memory, secondsLater).map(({ endpoint, part, after }) => ({
      share: share === null || part === null ? null : multiply(share, part),
      end: { kind: "translated", address: endpoint.address, port: endpoint.port, masquerade: true },
      // the packet has come to a process
      traces: null,
      path: () => [...path(), { listener }],
      memory: after,
    }));
  });
}

const indexes = new WeakMap<readonly ProxyListener[], ReadonlyMap<string, ProxyListener>>();

function placeOf(family: string, protocol: string, address: string | null, port: number): string {
  return `${family} ${protocol} ${address ?? "any"} ${port}`;
}

/** Listeners by where they listen, made once for many packets. */
function indexOf(listeners: readonly ProxyListener[]): ReadonlyMap<string, ProxyListener> {
  const known = indexes.get(listeners);
  if (known !== undefined) return known;
  const index = new Map(
    listeners.map(
      (each) => [placeOf(each.family, each.protocol, each.address?.text ?? null, each.port), each] as const,
    ),
  );
  indexes.set(listeners, index);
  return index;
}

/** A listener without an address has a socket on every address of the node. */
export function listenerAt(
  listeners: readonly ProxyListener[],
  protocol: Protocol,
  address: IpAddress,
  port: Port,
): ProxyListener | null {
  const index = indexOf(listeners);
  const at = (text: string | null) => index.get(placeOf(address.family, protocol, text, port));
  return at(address.text) ?? at(null) ?? null;
}

/** One for each endpoint, or the one that the client had. */
export function choicesOf(listener: ProxyListener, packet: Packet, memory: ProxyMemory, secondsLater: number) {
  const { affinity, endpoints, name } = listener;
  if (affinity === null) return spread(listener).map((choice) => ({ ...choice, after: memory }));
  const shift = BigInt(addressWidth(packet.source.family) - affinity.prefixLength);
  const network = addressFromBits(packet.source.family, (packet.source.bits >> shift) << shift);
  const key = `${name} ${network.text}`;
  const known = secondsLater < affinity.timeoutSeconds ? memory.get(key) : undefined;
  const kept = endpoints.find((each) => each.address.text === known?.address.text && each.port === known.port);
  if (kept !== undefined) return [{ endpoint: kept, part: one, after: memory }];
  return spread(listener).map((choice) => ({ ...choice, after: new Map(memory).set(key, choice.endpoint) }));
}

const shares = new WeakMap<ProxyListener, readonly ProxyChoice[]>();

interface ProxyChoice {
  readonly endpoint: ProxyEndpoint;
  /** null: it depends on load, or on a hash. */
  readonly part: Fraction | null;
}

/** Worked out once for many packets. */
function spread(listener: ProxyListener): readonly ProxyChoice[] {
  const known = shares.get(listener);
  if (known !== undefined) return known;
  const { endpoints } = listener;
  const total = endpoints.reduce((sum, { weight }) => sum + weight, 0);
  const made = endpoints.map((endpoint) => ({ endpoint, part: partOf(listener, endpoint, total) }));
  shares.set(listener, made);
  return made;
}

function partOf({ scheduler, endpoints }: ProxyListener, { weight }: ProxyEndpoint, total: number): Fraction | null {
  if (endpoints.length === 1) return one;
  if (scheduler === null || scheduler === "wrr") return fraction(weight, total);
  return scheduler === "rr" ? fraction(1, endpoints.length) : null;
}
