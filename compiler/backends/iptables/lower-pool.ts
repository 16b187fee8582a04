import type { IrEndpoint, IrPool } from "../../ir/ir.ts";
import { addressFromBits, addressWidth, type Family, type IpAddress } from "../../net/address.ts";
import type { Protocol } from "../../net/port.ts";
import type { Affinity } from "../../spec/schema.ts";
import { slotOrder } from "../slots.ts";
import { affinityListName, poolChainName } from "./names.ts";
import type { IptablesChain, IptablesMatch, IptablesRule, IptablesTarget } from "./program.ts";
import { dnat, goTo, isProtocol, rule } from "./rules.ts";
import { leavesPerChain } from "./tree.ts";

/** Affinity as one frontend has it: lists of clients belong to a frontend and an endpoint. */
export interface FrontendAffinity {
  readonly affinity: Affinity;
  /** The frontend's. */
  readonly identity: string;
}

/** Lists of matches that many rules have in common, by protocol and threshold. */
export type SharedMatches = Map<string, readonly IptablesMatch[]>;

/** How a pool is chosen from. */
export interface PoolUse {
  readonly protocol: Protocol;
  /** Of pool and owner; names of chains come from it. */
  readonly identity: string;
  readonly sticky: FrontendAffinity | null;
  readonly shared: SharedMatches;
}

/** The rules that choose an endpoint, and the chains that they lead to. */
export interface LoweredPool {
  readonly rules: readonly IptablesRule[];
  readonly chains: readonly IptablesChain[];
}

/** Sixteen endpoints, or sixteen groups; the last of a level may have fewer. */
interface Group {
  readonly parts: readonly Part[];
  readonly name: string;
  readonly weight: number;
}

type Part = IrEndpoint | Group;

/**
 * One choice at random by weight, with at most 16 rules in a chain. Slots are grouped by sixteens, groups by sixteens,
 * and listed from the last to the first, so that the share of each rule depends only on what follows it:
 * one more endpoint adds a rule at the top and leaves the others as they are.
 */
export function lowerPool(pool: IrPool, use: PoolUse): LoweredPool {
  let parts: readonly Part[] = slotOrder(pool.endpoints);
  for (let level = 1; parts.length > leavesPerChain; level++) parts = grouped(parts, use.identity, level);
  const chains: IptablesChain[] = [];
  const choices = lowerParts(parts, use, chains);
  const { protocol, sticky } = use;
  if (sticky === null) return { rules: choices, chains };
  const kept = pool.endpoints.map((endpoint) => keepClient(endpoint, isProtocol(protocol), sticky));
  return { rules: [...kept, ...choices], chains };
}

function grouped(parts: readonly Part[], identity: string, level: number): readonly Part[] {
  const groups: Part[] = [];
  for (let at = 0; at < parts.length; at += leavesPerChain) {
    const members = parts.slice(at, at + leavesPerChain);
    const [only] = members;
    if (only !== undefined && members.length === 1) groups.push(only);
    else {
      const weight = members.reduce((sum, part) => sum + part.weight, 0);
      groups.push({ parts: members, name: poolChainName(`${identity} ${level}.${at / leavesPerChain}`), weight });
    }
  }
  return groups;
}

function lowerParts(parts: readonly Part[], use: PoolUse, chains: IptablesChain[]): readonly IptablesRule[] {
  const { protocol, sticky, shared } = use;
  let rest = 0;
  for (const part of parts) rest += part.weight;
  const rules: IptablesRule[] = [];
  for (let at = parts.length - 1; at >= 0; at--) {
    const part = parts[at];
    if (part === undefined) continue;
    const matches = chanceOf(part.weight, rest, protocol, shared);
    rest -= part.weight;
    if ("parts" in part) {
      rules.push(rule(matches, goTo(part.name)));
      chains.push({ name: part.name, rules: lowerParts(part.parts, use, chains) });
    } else if (sticky === null) rules.push(rule(matches, translate(part)));
    else rules.push(rule([...matches, recent("set", part, sticky)], translate(part)));
  }
  return rules;
}

/** xt_statistic compares 31 random bits with the threshold: the share is exact to 2^-32. */
function chanceOf(weight: number, rest: number, protocol: Protocol, shared: SharedMatches): readonly IptablesMatch[] {
  const threshold = Math.min(Math.max(Math.round((2 ** 31 * weight) / rest), 1), 2 ** 31 - 1);
  const key = weight === rest ? protocol : `${protocol} ${threshold}`;
  const known = shared.get(key);
  if (known !== undefined) return known;
  const matches: readonly IptablesMatch[] =
    weight === rest ? [isProtocol(protocol)] : [isProtocol(protocol), { kind: "statistic", threshold }];
  shared.set(key, matches);
  return matches;
}

/** A client seen within the timeout goes where it went last, which renews the timeout. */
function keepClient(endpoint: IrEndpoint, protocol: IptablesMatch, sticky: FrontendAffinity): IptablesRule {
  return rule([protocol, recent("update", endpoint, sticky)], translate(endpoint));
}

function recent(
  action: "set" | "update",
  endpoint: IrEndpoint,
  { affinity, identity }: FrontendAffinity,
): IptablesMatch {
  const isTest = action === "update";
  const { family } = endpoint.address;
  return {
    kind: "recent",
    action,
    list: affinityListName(identity, endpoint),
    seconds: isTest ? affinity.timeoutSeconds : null,
    reap: isTest,
    mask: netmask(family, affinity.netmask === null ? addressWidth(family) : affinity.netmask[family]),
  };
}

function netmask(family: Family, length: number): IpAddress {
  const width = BigInt(addressWidth(family));
  const all = (1n << width) - 1n;
  return addressFromBits(family, (all << (width - BigInt(length))) & all);
}

function translate(endpoint: IrEndpoint): IptablesTarget {
  return dnat(endpoint.address, endpoint.port);
}
