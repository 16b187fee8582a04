import { contradiction } from "../backends/agreement.ts";
import type { BackendName } from "../backends/backend.ts";
import { endingWords, outcomeWords, packetWords } from "../backends/outcome-words.ts";
import type { Outcome, Packet } from "../backends/packet.ts";
import { endingsOf } from "../backends/simulation.ts";
import type { Simulator, Way } from "../backends/simulator.ts";
import { decide, sourceClassOf } from "../ir/decide.ts";
import type { IrFrontend, NodeIr, SourceClass } from "../ir/ir.ts";
import { frontendOf, isNodeAddress } from "../ir/lookup.ts";
import { addressFromBits, addressWidth, type IpAddress, type Prefix, prefixContains } from "../net/address.ts";
import { type Fraction, formatFraction } from "../net/fraction.ts";
import { formatSocket } from "../net/socket.ts";
import { InternalError } from "../result.ts";
import type { Served } from "./change.ts";
import { clientClasses, type FrontendPair, frontendOfPair, servedBy } from "./frontends.ts";

/** One side of a comparison: the meaning, and a node that has one backend's program loaded. */
export interface Followed {
  readonly ir: NodeIr;
  readonly backend: BackendName;
  readonly simulator: Simulator;
}

export interface Confirmation {
  readonly packets: number;
  /** The most rules that one of the packets met; null without packets. */
  readonly rules: number | null;
}

/**
 * Sends packets of every class of clients to a frontend through the program, and holds what happens to what the diff
 * says of that side. Throws InternalError where they differ: then a backend is wrong, or the diff.
 */
export function confirmSide(side: Followed, pair: FrontendPair, own: IrFrontend | null): Confirmation {
  let packets = 0;
  let rules: number | null = null;
  const destination = destinationOf(side.ir, frontendOfPair(pair));
  if (destination === null) return { packets, rules };
  for (const client of clientClasses) {
    for (const packet of packetsOf(side.ir, pair, client, destination)) {
      const ways = side.simulator.send(packet);
      const outcome = decide(side.ir, packet);
      holdToMeaning(side, packet, ways);
      // a node port that no address of the node serves has a meaning, and nowhere to show it
      const isShown = own === null || frontendOf(side.ir, destination, packet.protocol, packet.port) === own;
      if (isShown && isAllowed(own, packet.source))
        holdToDiff(side.ir, servedBy(side.ir, pair, own, client), outcome, packet);
      packets++;
      for (const way of ways) rules = Math.max(rules ?? 0, way.path().length);
    }
  }
  return { packets, rules };
}

function isAllowed(own: IrFrontend | null, source: IpAddress): boolean {
  return own === null || own.sourceRanges === null || own.sourceRanges.some((range) => prefixContains(range, source));
}

/** What clients send to; for a node port an address of the node that serves it, null where none does. */
function destinationOf(ir: NodeIr, frontend: IrFrontend): IpAddress | null {
  if (frontend.address !== null) return frontend.address;
  const { protocol, port, family } = frontend;
  const own = ir.node.addresses.filter((address) => address.family === family);
  return own.find((address) => frontendOf(ir, address, protocol, port)?.address === null) ?? own[0] ?? null;
}

/** For each class one source of each kind: inside and outside of the source ranges of both sides. */
function packetsOf(ir: NodeIr, pair: FrontendPair, client: SourceClass, destination: IpAddress): readonly Packet[] {
  const frontend = frontendOfPair(pair);
  const { protocol, port, family } = frontend;
  const ranges = [pair.before?.sourceRanges ?? [], pair.after?.sourceRanges ?? []];
  const detector = ir.detector[family];
  const inputInterface = client === "pod" ? interfaceOf(detector) : null;
  const taken = new Set(endpointAddresses(pair));
  const candidates = [
    ...(client === "node" ? ir.node.addresses : []),
    ...(client === "pod" && detector.kind === "prefixes" ? detector.prefixes.flatMap(samplesOf) : []),
    ...ranges.flat().flatMap(samplesOf),
    ...strangers[family].map((bits) => addressFromBits(family, bits)),
  ];
  const kinds = new Map<string, Packet>();
  for (const source of candidates) {
    if (source.family !== family || taken.has(source.text) || source.text === destination.text) continue;
    const packet = { protocol, source, destination, port, inputInterface };
    if (sourceClassOf(ir, packet) !== client) continue;
    const kind = [pair.before, pair.after].map((side) => isAllowed(side, source)).join(" ");
    if (!kinds.has(kind)) kinds.set(kind, packet);
  }
  return [...kinds.values()];
}

function interfaceOf(detector: NodeIr["detector"]["ipv4"]): string | null {
  if (detector.kind === "interface") return detector.name;
  return detector.kind === "interface-prefix" ? `${detector.prefix}0` : null;
}

function endpointAddresses({ before, after }: FrontendPair): readonly string[] {
  const routes = [...(before?.routes ?? []), ...(after?.routes ?? [])];
  return routes.flatMap(({ pool }) => pool.endpoints.map(({ address }) => address.text));
}

/** Some addresses of a prefix: from both ends, and from its middle. */
function samplesOf({ address, length }: Prefix): readonly IpAddress[] {
  const size = 1n << BigInt(addressWidth(address.family) - length);
  const offsets = [size - 2n, size / 2n, size / 3n, 1n, size - 1n, 0n].filter(
    (offset) => offset >= 0n && offset < size,
  );
  return offsets.map((offset) => addressFromBits(address.family, address.bits + offset));
}

/** Of the Internet at large, of documentation and of private networks: one of them is outside of anything. */
const strangers = {
  ipv4: [0x08080808n, 0xcb0071fen, 0xc0a8fefen, 0x01010101n],
  ipv6: [0x20014860486000000000000000008888n, 0x20010db8ffff0000000000000000fffen],
} as const;

/** What a program does is what its backend declares to do of what is meant. */
function holdToMeaning({ ir, backend }: Followed, packet: Packet, ways: readonly Way[]): void {
  const meant = contradiction(backend, ir, packet, ways);
  if (meant === null) return;
  const does = endingWords(endingsOf(ways)).join(", ");
  const words = outcomeWords(meant).join(", ");
  throw new InternalError(`${backend} does ${does} with ${packetWords(packet)}, and the spec means ${words}`);
}

/** What the diff says of a class of clients is what is decided for one of them. */
function holdToDiff(ir: NodeIr, served: Served, outcome: Outcome, packet: Packet): void {
  const choices = outcome.verdict === "endpoints" ? outcome.choices : [];
  const isSame =
    served.verdict === outcome.verdict &&
    served.endpoints.length === choices.length &&
    choices.every(({ address, port, share, masquerade }, at) => {
      const told = served.endpoints[at];
      if (told === undefined || told.place !== formatSocket(address, port)) return false;
      if (shareText(told.share) !== shareText(share)) return false;
      // what is delivered to the node itself never meets POSTROUTING
      return isNodeAddress(ir, address) || masquerade === served.masquerade;
    });
  if (isSame) return;
  throw new InternalError(`the diff says ${served.verdict} of ${packetWords(packet)}, which is ${outcome.verdict}`);
}

function shareText(share: Fraction | null): string {
  return share === null ? "by load" : formatFraction(share);
}
