import type { Packet } from "../backends/packet.ts";
import { routeFor, sourceClassOf } from "../ir/decide.ts";
import type { IrFrontend, NodeIr } from "../ir/ir.ts";
import { isNodeAddress } from "../ir/lookup.ts";
import { addressFromBits, addressWidth, type IpAddress } from "../net/address.ts";

/** Clients beside one that is remembered; null where there is none that can tell anything. */
export interface Neighbours {
  /** Within the netmask of the affinity: the two count as one client. */
  readonly partner: Packet | null;
  /** Just outside of it. */
  readonly stranger: Packet | null;
}

/**
 * The neighbours of a packet's client: one differs in the last bit of its address, the other in the last bit of the
 * netmask. A partner is remembered only where its route is the same, as routes may have other endpoints.
 */
export function neighboursOf(ir: NodeIr, frontend: IrFrontend, packet: Packet): Neighbours {
  const { family } = packet.source;
  const width = addressWidth(family);
  const length = frontend.affinity?.netmask?.[family] ?? width;
  const beside = (bit: number): Packet | null => {
    const source = flipped(packet.source, bit);
    // a packet of the node itself takes another way than one that claims to be
    return isNodeAddress(ir, source) === isNodeAddress(ir, packet.source) ? { ...packet, source } : null;
  };
  const routeOf = (one: Packet) => routeFor(frontend, sourceClassOf(ir, one));
  const partner = length === width ? null : beside(0);
  return {
    partner: partner !== null && routeOf(partner) === routeOf(packet) ? partner : null,
    stranger: beside(width - length),
  };
}

/** With one bit changed, counted from the last one. */
function flipped({ family, bits }: IpAddress, bit: number): IpAddress {
  return addressFromBits(family, bits ^ (1n << BigInt(bit)));
}
