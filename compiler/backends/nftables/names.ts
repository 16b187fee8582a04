import { nameLimits, objectName, shortHash } from "../../ir/names.ts";
import { assert } from "../../result.ts";

/** The name of weir's tables, in the families ip and ip6. */
export const tableName = "weir";

/** Sets and maps that every table has when it needs them, in the order they are printed in. */
export const setNames = [
  "ranged",
  "allowed",
  "frontends",
  "frontends-from-pods",
  "frontends-from-node",
  "node-port-ranged",
  "node-port-allowed",
  "node-ports",
  "node-ports-from-pods",
  "node-ports-from-node",
  "pool",
  "slots",
  "node-port-pool",
  "node-port-slots",
  "affinity",
  "node-port-affinity",
  "hairpin",
  "pods",
  "node-port-addresses",
  "vips",
  "service-ranges",
] as const;

export type SetName = (typeof setNames)[number];

/** Chains of the fixed part, in the order they are printed in. */
export const chainNames = [
  "prerouting",
  "output",
  "postrouting",
  "services",
  "serve-node-ports",
  "refuse",
  "translate",
  "node-port-translate",
] as const;

/** Which frontends a map or chain is for: those with an address of their own, or the node's ports. */
export type Place = "address" | "node-port";

/** How the source of a connection is treated: `unless-pod` masquerades all but pods. */
export type Masquerade = "never" | "always" | "unless-pod";

/** Affinity as a chain needs it: clients that agree in `maskLength` leading bits of their address count as one. */
export interface ChainAffinity {
  readonly timeoutSeconds: number;
  /** null is the whole address. */
  readonly maskLength: number | null;
}

/** Numbered from 1: the distinct pools of a frontend, in the order of its routes. */
export type PoolNumber = 1 | 2 | 3;

/** `pick-8`, `pick2-8`, `node-port-pick-8`: choose one of 8 slots of a frontend's first or second pool. */
export function pickChain(place: Place, pool: PoolNumber, slots: number): string {
  return `${placePrefix(place)}pick${poolSuffix(pool)}-${slots}`;
}

/** `sticky-8-10800s`: as pick, for clients that are to come back to the same endpoint. */
export function stickyChain(place: Place, pool: PoolNumber, slots: number, affinity: ChainAffinity): string {
  return `${placePrefix(place)}sticky${poolSuffix(pool)}-${slots}-${affinityText(affinity)}`;
}

/** The chain of one pool with too many slots for the shared maps. */
export function wideChain(key: string, where: string, pool: PoolNumber, affinity: ChainAffinity | null): string {
  const prefix = affinity === null ? `pick${poolSuffix(pool)}-wide` : `sticky${poolSuffix(pool)}-wide`;
  return objectName(prefix, `${key} ${where}`, nameLimits.nft);
}

/** `weights-shop-web-k3x9...`: which endpoint owns a slot, of one pool with too many slots for the shared maps. */
export function weightsMap(key: string, where: string, pool: PoolNumber): string {
  return objectName(`weights${poolSuffix(pool)}`, `${key} ${where}`, nameLimits.nft);
}

/** `remembered-10800s`: reach the endpoint that the client had before, if it is still there. */
export function rememberedChain(place: Place, pool: PoolNumber, affinity: ChainAffinity): string {
  return `${placePrefix(place)}remembered${poolSuffix(pool)}-${affinityText(affinity)}`;
}

/** `remember-10800s`: note the chosen endpoint and reach it. */
export function rememberChain(place: Place, affinity: ChainAffinity): string {
  return `${placePrefix(place)}remember-${affinityText(affinity)}`;
}

/** `masquerade-pick-8`, `masquerade-unless-pod-pick-8`. */
export function masqueradeChain(how: Exclude<Masquerade, "never">, chain: string): string {
  return how === "always" ? `masquerade-${chain}` : `masquerade-unless-pod-${chain}`;
}

/** Where the endpoint that the class id names becomes the destination. */
export function translateChain(place: Place): string {
  return `${placePrefix(place)}translate`;
}

function placePrefix(place: Place): string {
  return place === "address" ? "" : "node-port-";
}

function poolSuffix(pool: PoolNumber): string {
  return pool === 1 ? "" : `${pool}`;
}

function affinityText({ timeoutSeconds, maskLength }: ChainAffinity): string {
  return maskLength === null ? `${timeoutSeconds}s` : `${timeoutSeconds}s-net${maskLength}`;
}

/**
 * The comment on elements of a service port: its key, in what nft can quote. nft has no escapes inside quotes, so
 * anything but printable ASCII, and the quote itself, becomes `?`; a changed or cut key is told apart by its hash.
 */
export function elementComment(key: string): string {
  const clean = key.replace(/[^ !#-[\]-~]/g, "?");
  if (clean === key && key.length <= nameLimits.nftComment) return key;
  return `${clean.slice(0, nameLimits.nftComment - 9)} ${shortHash(key)}`;
}

const setNamePattern = /^weights[23]?-/;
const chainNamePattern = /^(masquerade-(unless-pod-)?)?(node-port-)?(pick|sticky|remembered|remember)[23]?-/;

/** Whether a chain or set of that name can be weir's. */
export function isOwnName(name: string): boolean {
  const fixed: readonly string[] = [...setNames, ...chainNames];
  return fixed.includes(name) || setNamePattern.test(name) || chainNamePattern.test(name);
}

/** Chain and set names are unquoted words of nft's grammar. */
export function assertName(name: string): void {
  assert(/^[a-z][a-z0-9-]*$/.test(name) && name.length <= nameLimits.nft, `${name} is no nftables name`);
}
