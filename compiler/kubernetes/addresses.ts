import { addressFromBits, addressWidth, type IpAddress, type Prefix, parseAddress, prefixOf } from "../net/address.ts";
import { fail, ok, type Result } from "../result.ts";

const fourParts = /^([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)$/;
const mappedText = /^::ffff:(.+\..+)$/i;

/**
 * Reads an address as Kubernetes does: leading zeros are decimal (172.30.0.041 is 172.30.0.41), and an IPv4-mapped
 * IPv6 address is the IPv4 address. The result is canonical. Source: k8s.io/utils/net ParseIPSloppy.
 */
export function parseSloppyAddress(text: string): Result<IpAddress> {
  const parts = fourParts.exec(text);
  if (parts !== null) {
    let bits = 0;
    for (let at = 1; at <= 4; at++) {
      const part = Number(parts[at]);
      if (part > 255) return fail(`${shownText(text)} is not an IP address`);
      bits = bits * 256 + part;
    }
    return ok(addressFromBits("ipv4", BigInt(bits)));
  }
  const mapped = mappedText.exec(text);
  if (mapped !== null) return parseSloppyAddress(mapped[1] ?? "");
  const embedded = /^(.*:)([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+)$/.exec(text);
  if (embedded !== null) {
    const ending = parseSloppyAddress(embedded[2] ?? "");
    return ending.ok
      ? parseStrictly(`${embedded[1] ?? ""}${ending.value.text}`)
      : fail(`${shownText(text)} is not an IP address`);
  }
  return parseStrictly(text);
}

function parseStrictly(text: string): Result<IpAddress> {
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text)) return fail(`${shownText(text)} is not an IP address`);
  return parseAddress(text);
}

/** Quoted, without control characters, and cut: it may be anything. */
function shownText(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/**
 * Reads a CIDR as Kubernetes does: leading zeros in address and length are decimal, host bits are cleared.
 * Source: k8s.io/utils/net ParseCIDRSloppy.
 */
export function parseSloppyPrefix(text: string): Result<Prefix> {
  const slash = text.indexOf("/");
  if (slash === -1) return fail(`${shownText(text)} is not a network; it needs a length, as in 10.0.0.0/8`);
  const address = parseSloppyAddress(text.slice(0, slash));
  if (!address.ok) return fail(`${shownText(text)} is not a network`);
  const lengthText = text.slice(slash + 1);
  const width = addressWidth(address.value.family);
  if (!/^[0-9]+$/.test(lengthText) || Number(lengthText) > width) {
    return fail(`${shownText(text)} needs a length from 0 to ${width}`);
  }
  return ok(prefixOf(address.value, Number(lengthText)));
}
