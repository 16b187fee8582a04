import { parseRuleLine } from "../../compiler/backends/iptables/parse.ts";
import type { MatchTexts } from "../../compiler/backends/iptables/print.ts";
import { printChainRules } from "../../compiler/backends/iptables/print-delta.ts";
import {
  builtinChains,
  type IptablesChain,
  type IptablesJump,
  type IptablesProgram,
  type IptablesRule,
  type IptablesRuleset,
  type IptablesTableName,
  iptablesTables,
} from "../../compiler/backends/iptables/program.ts";
import { ParseError } from "../../compiler/backends/text.ts";
import type { Family } from "../../compiler/net/address.ts";
import { compareText } from "../../compiler/net/order.ts";
import type { Listing } from "./iptables-listing.ts";
import type { ForeignPart } from "./plane.ts";

/** Chains that weir has applied or was about to, printed when they are first asked for. */
export interface KnownChains {
  find(family: Family, table: IptablesTableName, name: string): readonly KnownChain[];
}

interface KnownChain {
  readonly chain: IptablesChain;
  /** As the kernel lists it. */
  readonly text: string;
}

/** Printed once, though a plane is read before a change and after it. */
const printed = new WeakMap<readonly IptablesRule[], string>();

function printKnown({ name, rules }: IptablesChain, texts: MatchTexts): string {
  const before = printed.get(rules);
  // one list of rules may stand in chains of several names
  if (before?.startsWith(`-A ${name} `)) return before;
  const text = printChainRules(name, rules, texts);
  printed.set(rules, text);
  return text;
}

/**
 * A loaded chain is listed byte for byte as it is printed, so one that is known need not be read: of 200,000 rules that
 * is most of the work, and what compares it afterwards sees the same object.
 */
export function knownChains(programs: readonly IptablesProgram[]): KnownChains {
  const texts: MatchTexts = new Map();
  const tables = new Map<string, Map<string, IptablesChain[]>>();
  for (const ruleset of programs.flatMap((program) => [program.ipv4, program.ipv6])) {
    for (const table of ruleset?.tables ?? []) {
      const place = `${ruleset?.family} ${table.name}`;
      const chains = tables.get(place) ?? new Map<string, IptablesChain[]>();
      tables.set(place, chains);
      for (const chain of table.chains) {
        const alike = chains.get(chain.name);
        if (alike === undefined) chains.set(chain.name, [chain]);
        else if (!alike.includes(chain)) alike.push(chain);
      }
    }
  }
  return {
    find: (family, table, name) =>
      (tables.get(`${family} ${table}`)?.get(name) ?? []).map((chain) => ({ chain, text: printKnown(chain, texts) })),
  };
}

/** Stands for a rule that weir never writes, in a form that weir never writes either. */
const foreignRule: IptablesRule = { matches: [{ kind: "comment", text: "not weir's" }], target: { kind: "return" } };

/** What a listing holds of the owner's, null for nothing. Adds to `foreign` what stands inside and is not weir's. */
export function rulesetOf(
  listing: Listing,
  family: Family,
  known: KnownChains,
  foreign: ForeignPart[],
): IptablesRuleset | null {
  const jumps = iptablesTables.flatMap((name) => jumpsOf(listing, name));
  const tables = iptablesTables.flatMap((name) => {
    const table = listing.tables.get(name);
    for (const { place, text } of table?.references ?? []) foreign.push({ place: placeOf(place, name, family), text });
    const leadTo = new Set(table?.references.map((reference) => reference.target));
    const chains = [...(table?.chains ?? [])]
      // an empty chain that only a rule of others still keeps is as good as gone
      .filter(([chain, text]) => text !== "" || !leadTo.has(chain))
      .sort(([a], [b]) => compareText(a, b))
      .map(([chain, text]) => chainOf(chain, text, family, name, known, foreign));
    return chains.length === 0 ? [] : [{ name, chains }];
  });
  return tables.length === 0 && jumps.length === 0 ? null : { family, tables, jumps };
}

function jumpsOf(listing: Listing, table: IptablesTableName): readonly IptablesJump[] {
  const jumps = listing.tables.get(table)?.jumps ?? [];
  return builtinChains.flatMap((chain) =>
    jumps
      .filter((jump) => jump.chain === chain)
      .map(({ target, isFirst }) => ({ table, chain, target, position: isFirst ? "first" : "last" })),
  );
}

export function placeOf(chain: string, table: string, family: Family): string {
  return `chain ${chain} of table ${table} (${family})`;
}

function chainOf(
  name: string,
  text: string,
  family: Family,
  table: IptablesTableName,
  known: KnownChains,
  foreign: ForeignPart[],
): IptablesChain {
  const candidates = known.find(family, table, name);
  const same = candidates.find((candidate) => candidate.text === text);
  if (same !== undefined) return same.chain;
  const lines = text.split("\n").slice(0, -1);
  const place = placeOf(name, table, family);
  const added = linesAdded(lines, candidates);
  const rules = lines.map((line) => {
    const rule = ruleOf(family, line);
    if (rule === foreignRule || added.has(line)) foreign.push({ place, text: line });
    return rule;
  });
  return { name, rules };
}

function ruleOf(family: Family, line: string): IptablesRule {
  try {
    return parseRuleLine(family, line);
  } catch (error) {
    if (error instanceof ParseError) return foreignRule;
    throw error;
  }
}

/** Lines between those of a known chain, when all of its own are there in their order. */
function linesAdded(lines: readonly string[], candidates: readonly KnownChain[]): ReadonlySet<string> {
  for (const { text } of candidates) {
    const own = text.split("\n").slice(0, -1);
    let next = 0;
    const added = lines.filter((line) => {
      if (line !== own[next]) return true;
      next++;
      return false;
    });
    if (next === own.length) return new Set(added);
  }
  return new Set();
}
