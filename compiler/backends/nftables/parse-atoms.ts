import { hostPrefix, type IpAddress, type Prefix, parseAddress, parsePrefix, prefixOf } from "../../net/address.ts";
import { type Protocol, protocols } from "../../net/port.ts";
import type { NftAtom, NftDatatype } from "./program.ts";
import type { TokenReader } from "./tokens.ts";

/** Values inside elements and rules. All throw ParseError. */

const knownAddresses = new WeakMap<TokenReader, Map<string, IpAddress>>();

/** Each address of a text once: one object stands for all its places. */
export function addressAtom(reader: TokenReader, text: string): IpAddress {
  let known = knownAddresses.get(reader);
  if (known === undefined) {
    known = new Map();
    knownAddresses.set(reader, known);
  }
  const found = known.get(text);
  if (found !== undefined) return found;
  const parsed = parseAddress(text);
  if (!parsed.ok) throw reader.error(parsed.reason);
  ofTable(reader, parsed.value);
  known.set(text, parsed.value);
  return parsed.value;
}

/** A network, or an address alone as the network of its full length. */
export function prefixAtom(reader: TokenReader, text: string): Prefix {
  if (!text.includes("/")) return hostPrefix(addressAtom(reader, text));
  const parsed = parsePrefix(text);
  if (!parsed.ok) throw reader.error(parsed.reason);
  ofTable(reader, parsed.value.address);
  return prefixOf(parsed.value.address, parsed.value.length);
}

function ofTable(reader: TokenReader, { family, text }: IpAddress): void {
  if (family !== (reader.family === "ip" ? "ipv4" : "ipv6")) {
    throw reader.error(`${text} is not of the family ${reader.family}`);
  }
}

export function numberAtom(reader: TokenReader, text: string): number {
  if (!/^(0x[0-9a-f]{1,8}|[0-9]{1,10})$/.test(text)) throw reader.error(`expected a number, found ${text || "end"}`);
  return Number(text);
}

/** `5700:1f`: both halves are hexadecimal. */
export function classAtom(reader: TokenReader, text: string): number {
  const match = /^([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text);
  if (match === null) throw reader.error(`expected a class id, found ${text || "end"}`);
  return Number.parseInt(match[1] ?? "", 16) * 0x10000 + Number.parseInt(match[2] ?? "", 16);
}

/** By name, or by number as nft lists it where /etc/protocols is missing. */
export function protocolAtom(reader: TokenReader, text: string): Protocol {
  const numbers: Readonly<Record<string, Protocol>> = { "6": "tcp", "17": "udp", "132": "sctp" };
  const found = protocols.find((protocol) => protocol === text) ?? numbers[text];
  if (found === undefined) throw reader.error(`expected a protocol, found ${text || "end"}`);
  return found;
}

function parseAtom(reader: TokenReader, type: NftDatatype, ranges: boolean): NftAtom {
  const text = reader.next();
  switch (type) {
    case "ipv4_addr":
    case "ipv6_addr":
      return ranges ? prefixAtom(reader, text) : addressAtom(reader, text);
    case "inet_proto":
      return protocolAtom(reader, text);
    case "inet_service":
      return numberAtom(reader, text);
    case "classid":
      return classAtom(reader, text);
    case "integer": {
      if (!ranges) return numberAtom(reader, text);
      const [first = "", last = first] = text.split("-");
      return { first: numberAtom(reader, first), last: numberAtom(reader, last) };
    }
  }
}

/** Parts joined by dots. In an interval set only the last part is a range; the printer makes no others. */
export function parseKey(reader: TokenReader, types: readonly NftDatatype[], interval: boolean): readonly NftAtom[] {
  return types.map((type, at) => {
    if (at > 0) reader.expect(".");
    return parseAtom(reader, type, interval && at === types.length - 1);
  });
}

/** `1m30s`, `10800s`. */
export function parseDuration(reader: TokenReader): number {
  const text = reader.next();
  const match = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:\d+ms)?$/.exec(text);
  if (match === null || text === "") throw reader.error(`expected a duration, found ${text || "end"}`);
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return (((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0);
}
