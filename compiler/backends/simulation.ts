import { type IpAddress, isLoopback } from "../net/address.ts";
import { add, type Fraction, one } from "../net/fraction.ts";
import type { Port } from "../net/port.ts";
import type { Packet } from "./packet.ts";

/**
 * What simulators share. A simulator follows the first packet of a connection through a program as the kernel would,
 * and knows nothing of how the program was made. Where the kernel throws dice, it follows every result.
 */

/** The node that the rules are on. */
export interface Surroundings {
  readonly nodeAddresses: readonly IpAddress[];
  /** The mark that packets come with: bits of other programs, which weir's rules are to leave as they are. */
  readonly mark?: number;
}

/** Whether packets to this address are for the node itself: the kernel's routing type `local`. */
export function isLocal({ nodeAddresses }: Surroundings, address: IpAddress): boolean {
  return isLoopback(address) || nodeAddresses.some((own) => own.text === address.text);
}

/** Packets of the node itself begin in the output hook, all others in prerouting. */
export function isFromNode(surroundings: Surroundings, packet: Packet): boolean {
  return packet.inputInterface === null && isLocal(surroundings, packet.source);
}

/** How the packet ended. `translated`: it goes to an address and port that the rules chose. */
export type End =
  | { readonly kind: "translated"; readonly address: IpAddress; readonly port: Port; readonly masquerade: boolean }
  | { readonly kind: "drop" | "reject" | "pass" };

/** What is on a packet that goes on to the network, or to rules of others: its mark and its class id. */
export interface Traces {
  readonly mark: number;
  readonly classId: number;
  /** A rule has accepted it by name, without translating it: rules of others in that table do not see it. */
  readonly isAccepted: boolean;
}

/**
 * Packets that are not the first one of a connection to a service. `later`: of a connection that is there already, for
 * which the rules may look otherwise by now; `reply`: what an endpoint answers; `translated`: a later packet of a
 * connection that other rules than these gave another destination; `icmp-error`: about a connection, from its client's
 * side; `icmp`: the first packet of a protocol without ports, a ping.
 */
export const otherKinds = ["later", "reply", "translated", "icmp-error", "icmp"] as const;

export type OtherKind = (typeof otherKinds)[number];

/** What conntrack knows of a packet, and what protocol it has. */
export interface Flow {
  readonly state: "NEW" | "ESTABLISHED" | "RELATED";
  readonly isReply: boolean;
  /** nat has given its connection another destination, before this packet came. */
  readonly isTranslated: boolean;
  readonly isIcmp: boolean;
  /** How long ago the client was here last. */
  readonly secondsLater: number;
}

export const firstPacket: Flow = {
  state: "NEW",
  isReply: false,
  isTranslated: false,
  isIcmp: false,
  secondsLater: 0,
};

/** `isTranslating`: whether it is nat that gives these rules' connections their destination. */
export function flowOf(kind: OtherKind, isTranslating: boolean): Flow {
  switch (kind) {
    case "later":
      return { ...firstPacket, state: "ESTABLISHED", isTranslated: isTranslating };
    case "reply":
      return { ...firstPacket, state: "ESTABLISHED", isReply: true, isTranslated: isTranslating };
    case "translated":
      return { ...firstPacket, state: "ESTABLISHED", isTranslated: true };
    case "icmp-error":
      return { ...firstPacket, state: "RELATED", isIcmp: true };
    case "icmp":
      return { ...firstPacket, isIcmp: true };
  }
}

/** One way that the packet may take. `M` is what the kernel remembers of clients, `R` a rule with its place. */
export interface Branch<R, M> {
  /** How probable it is; all branches of a packet are 1 together. null where it depends on load or hashes. */
  readonly share: Fraction | null;
  readonly end: End;
  /** null where it ends here, or has come to a process of the node that it was sent to. */
  readonly traces: Traces | null;
  /** The rules that matched, in order; made when asked for. */
  path(): readonly R[];
  /** What the kernel remembers afterwards; the next connection of the client starts with it. */
  readonly memory: M;
}

/** The rules that a packet has met, from the last one back: ways that divide share what they have in common. */
export interface Trail<R> {
  readonly last: R;
  readonly before: Trail<R> | null;
}

/** In the order in which they were met. */
export function placesOf<R>(trail: Trail<R> | null): readonly R[] {
  const places: R[] = [];
  for (let at = trail; at !== null; at = at.before) places.push(at.last);
  return places.reverse();
}

/** A result that several branches have in common. */
export interface Ending {
  readonly end: End;
  readonly share: Fraction | null;
}

function keyOf(end: End): string {
  return end.kind === "translated" ? `${end.address.text} ${end.port} ${end.masquerade}` : end.kind;
}

/** The branches by where they end, in the order in which each end was first met. */
export function endingsOf(branches: readonly Ending[]): readonly Ending[] {
  const [first] = branches;
  if (first !== undefined && branches.length === 1) return [{ end: first.end, share: one }];
  const endings = new Map<string, Ending>();
  for (const { end, share } of branches) {
    const key = keyOf(end);
    const known = endings.get(key);
    if (known === undefined) endings.set(key, { end, share });
    else endings.set(key, { end, share: known.share === null || share === null ? null : add(known.share, share) });
  }
  const only = endings.size === 1 ? [...endings.values()][0] : undefined;
  // wherever the dice fall, there is only one place to go
  return only === undefined ? [...endings.values()] : [{ end: only.end, share: one }];
}
