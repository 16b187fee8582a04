import ipaddr from "ipaddr.js";
import { fail, ok, type Result } from "../result.ts";
import { compareNumbers } from "./order.ts";

export type Family = "ipv4" | "ipv6";

export const families = ["ipv4", "ipv6"] as const satisfies readonly Family[];

/**
 * An address as a value. `bits` is the address as an unsigned integer, `text` its canonical form
 * (dotted decimal, RFC 5952), so two addresses are equal exactly when their texts are.
 */
export interface IpAddress {
  readonly family: Family;
  readonly bits: bigint;
  readonly text: string;
}

/** A network: `address` has no bits set beyond `length`. `text` is canonical, always with the slash. */
export interface Prefix {
  readonly address: IpAddress;
  readonly length: number;
  readonly text: string;
}

export function addressWidth(family: Family): 32 | 128 {
  return family === "ipv4" ? 32 : 128;
}

/** The address with these bits. Throws RangeError when they do not fit the family. */
export function addressFromBits(family: Family, bits: bigint): IpAddress {
  if (bits < 0n || bits >> BigInt(addressWidth(family)) !== 0n) throw new RangeError(`${bits} is no ${family} address`);
  return { family, bits, text: family === "ipv4" ? ipv4Text(Number(bits)) : ipv6Text(bits) };
}

function ipv4Text(bits: number): string {
  return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;
}

function ipv6Text(bits: bigint): string {
  const parts: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) parts.push(Number((bits >> shift) & 0xffffn));
  return new ipaddr.IPv6(parts).toRFC5952String();
}

const ipv4Part = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
/** Read here and not by the library: artifacts and listings of a large node have a hundred thousand of them. */
const ipv4Form = new RegExp(`^${Array.from({ length: 4 }, () => ipv4Part).join("\\.")}$`);

/**
 * Reads one address, strictly: four decimal parts without leading zeros, or RFC 4291 text without a zone.
 * An IPv4-mapped IPv6 address is refused, because the kernel would treat it as another family than it looks.
 */
export function parseAddress(text: string): Result<IpAddress> {
  const parts = ipv4Form.exec(text);
  if (parts !== null) {
    const bits = ((Number(parts[1]) * 256 + Number(parts[2])) * 256 + Number(parts[3])) * 256 + Number(parts[4]);
    return ok({ family: "ipv4", bits: BigInt(bits), text });
  }
  if (text.includes("%")) return fail(`${text} has a zone; addresses of services have none`);
  if (!text.includes(":") || !ipaddr.IPv6.isValid(text)) return fail(`${text} is not an IP address`);
  const parsed = ipaddr.IPv6.parse(text);
  if (parsed.isIPv4MappedAddress()) return fail(`${text} is an IPv4-mapped address; write it as IPv4`);
  const bits = parsed.parts.reduce((sum, part) => (sum << 16n) | BigInt(part), 0n);
  return ok({ family: "ipv6", bits, text: parsed.toRFC5952String() });
}

/** Reads `ADDRESS/LENGTH`, or an address alone as the prefix of its full length. Host bits must be zero. */
export function parsePrefix(text: string): Result<Prefix> {
  const slash = text.indexOf("/");
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (!address.ok) return address;
  const width = addressWidth(address.value.family);
  if (slash === -1) return ok(hostPrefix(address.value));
  const lengthText = text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(lengthText) || Number(lengthText) > width) {
    return fail(`${text} needs a prefix length from 0 to ${width}`);
  }
  const prefix = prefixOf(address.value, Number(lengthText));
  if (prefix.address.bits !== address.value.bits)
    return fail(`${text} has host bits set; the network is ${prefix.text}`);
  return ok(prefix);
}

/** The network of this length that holds the address. */
export function prefixOf(address: IpAddress, length: number): Prefix {
  const shift = BigInt(addressWidth(address.family) - length);
  const network = shift === 0n ? address : addressFromBits(address.family, (address.bits >> shift) << shift);
  return { address: network, length, text: `${network.text}/${length}` };
}

/** The prefix that holds this address alone. */
export function hostPrefix(address: IpAddress): Prefix {
  return prefixOf(address, addressWidth(address.family));
}

export function isHostPrefix(prefix: Prefix): boolean {
  return prefix.length === addressWidth(prefix.address.family);
}

/** Never across families; IPv4-mapped IPv6 addresses are IPv6. */
export function prefixContains(prefix: Prefix, address: IpAddress): boolean {
  if (prefix.address.family !== address.family) return false;
  const shift = addressWidth(address.family) - prefix.length;
  // Numbers hold an IPv4 address, and are several times quicker than big integers; shifting by 32 would shift by 0.
  if (address.family === "ipv4") {
    return shift === 32 || Number(prefix.address.bits) >>> shift === Number(address.bits) >>> shift;
  }
  return prefix.address.bits >> BigInt(shift) === address.bits >> BigInt(shift);
}

/** Whether every address of `inner` is in `outer`. */
export function prefixCovers(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && prefixContains(outer, inner.address);
}

/** 127.0.0.0/8 and ::1, by RFC 1122 and RFC 4291. */
export function isLoopback(address: IpAddress): boolean {
  return address.family === "ipv4" ? address.text.startsWith("127.") : address.text === "::1";
}

/** IPv4 before IPv6, then numerically. */
export function compareAddresses(a: IpAddress, b: IpAddress): number {
  if (a.family !== b.family) return a.family === "ipv4" ? -1 : 1;
  return compareNumbers(a.bits, b.bits);
}

export function comparePrefixes(a: Prefix, b: Prefix): number {
  return compareAddresses(a.address, b.address) || compareNumbers(a.length, b.length);
}

/**
 * The same addresses with as few prefixes as possible without joining neighbours: sorted,
 * repeated prefixes once, prefixes inside others left out. Kernel interval sets refuse overlaps.
 */
export function withoutCovered(prefixes: readonly Prefix[]): readonly Prefix[] {
  const kept: Prefix[] = [];
  for (const prefix of [...prefixes].sort(comparePrefixes)) {
    const last = kept.at(-1);
    if (last === undefined || !prefixCovers(last, prefix)) kept.push(prefix);
  }
  return kept;
}
