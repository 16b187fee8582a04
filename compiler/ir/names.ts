import { createHash } from "node:crypto";
import { assert } from "../result.ts";

/** Limits of the kernel and its tools; longer names are refused or silently cut. */
export const nameLimits = {
  /** XT_EXTENSION_MAXNAMELEN less the terminating zero. */
  iptablesChain: 28,
  /** IPSET_MAXNAMELEN less the terminating zero. */
  ipset: 31,
  /** NFT_NAME_MAXLEN less the terminating zero. */
  nft: 255,
  nftComment: 128,
  iptablesComment: 255,
} as const;

const hashLength = 8;
const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

/** The first 40 bits of SHA-256 of the text, in lower-case base32: 8 characters. */
export function shortHash(text: string): string {
  const digest = createHash("sha256").update(text).digest();
  let bits = 0n;
  for (let at = 0; at < 5; at++) bits = (bits << 8n) | BigInt(digest[at] ?? 0);
  let result = "";
  for (let at = hashLength - 1; at >= 0; at--) result += alphabet[Number((bits >> BigInt(at * 5)) & 31n)] ?? "";
  return result;
}

/** The first 32 bits of SHA-256 of the text, as an unsigned number. */
export function hashNumber(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32BE(0);
}

/** A readable form of a key with only letters, digits and `-`: `shop/web:http` becomes `shop-web-http`. */
function slug(key: string): string {
  return key
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
}

/**
 * `prefix-slug-hash` within `limit` characters. A pure function of prefix and identity, never of position or content;
 * the slug is cut to fit, the hash of the whole identity keeps names apart.
 */
export function objectName(prefix: string, identity: string, limit: number): string {
  const hash = shortHash(identity);
  const room = limit - prefix.length - hash.length - 2;
  assert(room >= 0, `no room for a name with prefix ${prefix} in ${limit} characters`);
  const readable = slug(identity).slice(0, room).replace(/-+$/, "");
  return readable === "" ? `${prefix}-${hash}` : `${prefix}-${readable}-${hash}`;
}
