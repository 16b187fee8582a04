import type { IrEndpoint, IrPool } from "../../ir/ir.ts";
import { nameLimits, objectName } from "../../ir/names.ts";
import { addressFromBits, addressWidth, type Family, type IpAddress } from "../../net/address.ts";
import type { Protocol } from "../../net/port.ts";
import type { Affinity } from "../../spec/schema.ts";
import { slotOrder } from "../slots.ts";
import { affinityListName } from "./names.ts";
import type { IptablesChain, IptablesMatch, IptablesRule, IptablesTarget } from "./program.ts";
import { dnat, goTo, isProtocol, rule } from "./rules.ts";
import { leavesPerChain } from "./tree.ts";

/** Affinity as one frontend has it: lists of clients belong to a frontend and an endpoint. */
export interface FrontendAffinity {
  readonly affinity: Affinity;
  /** The frontend's. */
  readonly identity: string;
}

/** The rules that choose an endpoint, and the chains that they lead to. */
export interface LoweredPool {
  readonly rules: readonly IptablesRule[];
  readonly chains: readonly IptablesChain[];
}

/** A part of a pool: one endpoint, or sixteen parts of the level below. */
type Part =
  | { readonly kind: "endpoint"; readonly endpoint: IrEndpoint; readonly weight: number }
  | { readonly kind: "group"; readonly parts: readonly Part[]; readonly name: string; readonly weight: number };

/**
 * One choice at random by weight, with at most 16 rules in a chain. Slots are grouped by sixteens, groups by sixteens,
 * and listed from the last to the first, so that the share of each rule depends only on what follows it:
 * one more endpoint adds a rule at the top and leaves the others as they are.
 */
export function lowerPool(
  pool: IrPool,
  protocol: Protocol,
  identity: string,
  sticky: FrontendAffinity | null,
): LoweredPool {
  const endpoints = slotOrder(pool.endpoints);
  let parts: readonly Part[] = endpoints.map((endpoint) => ({ kind: "endpoint", endpoint, weight: endpoint.weight }));
  for (let level = 1; parts.length > leavesPerChain; level++) parts = grouped(parts, identity, level);
  const match = isProtocol(protocol);
  const chains: IptablesChain[] = [];
  const choices = lowerParts(parts, match, sticky, chains);
  const kept = sticky === null ? [] : pool.endpoints.map((endpoint) => keepClient(endpoint, match, sticky));
  return { rules: kept.length === 0 ? choices : [...kept, ...choices], chains };
}

function grouped(parts: readonly Part[], identity: string, level: number): readonly Part[] {
  const groups: Part[] = [];
  for (let at = 0; at < parts.length; at += leavesPerChain) {
    const members = parts.slice(at, at + leavesPerChain);
    const [only] = members;
    if (only !== undefined && members.length === 1) groups.push(only);
    else {
      const weight = members.reduce((sum, part) => sum + part.weight, 0);
      const name = objectName("WEIR-EP", `${identity} ${level}.${at / leavesPerChain}`, nameLimits.iptablesChain);
      groups.push({ kind: "group", parts: members, name, weight });
    }
  }
  return groups;
}

function lowerParts(
  parts: readonly Part[],
  protocol: IptablesMatch,
  sticky: FrontendAffinity | null,
  chains: IptablesChain[],
): readonly IptablesRule[] {
  let rest = parts.reduce((sum, part) => sum + part.weight, 0);
  const rules: IptablesRule[] = [];
  for (let at = parts.length - 1; at >= 0; at--) {
    const part = parts[at];
    if (part === undefined) continue;
    const chance = at === 0 ? [] : [oneIn(part.weight, rest)];
    rest -= part.weight;
    if (part.kind === "group") {
      rules.push(rule(chance, goTo(part.name)));
      chains.push({ name: part.name, rules: lowerParts(part.parts, protocol, sticky, chains) });
    } else {
      const remember = sticky === null ? [] : [recent("set", part.endpoint, sticky)];
      rules.push(rule([protocol, ...chance, ...remember], translate(part.endpoint)));
    }
  }
  return rules;
}

/** xt_statistic compares 31 random bits with the threshold: the share is exact to 2^-32. */
function oneIn(weight: number, rest: number): IptablesMatch {
  const threshold = Math.round((2 ** 31 * weight) / rest);
  return { kind: "statistic", threshold: Math.min(Math.max(threshold, 1), 2 ** 31 - 1) };
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
