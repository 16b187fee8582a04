import { type Family, type IpAddress, isLoopback, prefixContains } from "../net/address.ts";
import type { Port, Protocol } from "../net/port.ts";
import type { IrFrontend, NodeIr } from "./ir.ts";

/** What is looked up for one packet after the other, made once for an IR. */
interface Index {
  readonly frontends: ReadonlyMap<string, IrFrontend>;
  /** Texts of both families, which differ. */
  readonly vips: ReadonlySet<string>;
}

const indexes = new WeakMap<NodeIr, Index>();

function placeOf(address: IpAddress | null, family: string, protocol: Protocol, port: Port): string {
  return `${address?.text ?? family} ${protocol} ${port}`;
}

function indexOf(ir: NodeIr): Index {
  const known = indexes.get(ir);
  if (known !== undefined) return known;
  const frontends = [...ir.frontends.ipv4, ...ir.frontends.ipv6];
  const index: Index = {
    frontends: new Map(
      frontends.map((item) => [placeOf(item.address, item.family, item.protocol, item.port), item] as const),
    ),
    vips: new Set([...ir.vips.ipv4, ...ir.vips.ipv6].map(({ text }) => text)),
  };
  indexes.set(ir, index);
  return index;
}

/** Whether the node itself answers on this address, as far as the spec tells. */
export function isNodeAddress(ir: NodeIr, address: IpAddress): boolean {
  return isLoopback(address) || ir.node.addresses.some((own) => own.text === address.text);
}

/** Whether node ports are served on this address of the node. */
function servesNodePorts(ir: NodeIr, address: IpAddress): boolean {
  if (isLoopback(address) || !isNodeAddress(ir, address)) return false;
  const selection = ir.nodePortAddresses[address.family];
  return selection.kind === "any" || selection.prefixes.some((prefix) => prefixContains(prefix, address));
}

/** The frontend that a packet is for: a service's own address wins over a node port. */
export function frontendOf(ir: NodeIr, destination: IpAddress, protocol: Protocol, port: Port): IrFrontend | null {
  const index = indexOf(ir).frontends;
  const own = index.get(placeOf(destination, destination.family, protocol, port));
  if (own !== undefined) return own;
  if (!servesNodePorts(ir, destination)) return null;
  return index.get(placeOf(null, destination.family, protocol, port)) ?? null;
}

/** Whether a service has this address in the cluster, on whatever port. */
export function isVip(ir: NodeIr, address: IpAddress): boolean {
  return indexOf(ir).vips.has(address.text);
}

/** Whether any packet of the family is served or refused: service ranges and VIPs are held to also where nobody serves. */
export function isConcerned(ir: NodeIr, family: Family): boolean {
  return ir.frontends[family].length + ir.vips[family].length + ir.serviceRanges[family].length > 0;
}
