import { compareText } from "../../net/order.ts";
import type { NamedObject } from "../backend.ts";
import { fixedChains } from "./names.ts";
import type { IptablesProgram, IptablesRule, IptablesRuleset } from "./program.ts";

const fixed: ReadonlySet<string> = new Set(Object.values(fixedChains));

/**
 * Chains and lists of clients with the service port that they serve. The comment of a dispatch line names it, and what
 * can be reached from there belongs to it too; branches and fixed chains serve all.
 */
export function namedChains(program: IptablesProgram): readonly NamedObject[] {
  const objects = new Map<string, string | null>();
  for (const ruleset of [program.ipv4, program.ipv6]) if (ruleset !== null) addNames(ruleset, objects);
  return [...objects].sort(([a], [b]) => compareText(a, b)).map(([name, key]) => ({ name, key }));
}

function addNames(ruleset: IptablesRuleset, objects: Map<string, string | null>): void {
  for (const { chains } of ruleset.tables) {
    const rules = new Map(chains.map((chain) => [chain.name, chain.rules]));
    for (const name of rules.keys()) if (!objects.has(name)) objects.set(name, null);
    for (const chain of rules.values()) {
      for (const rule of chain) {
        const key = commentOf(rule);
        if (key !== null && rule.target.kind === "goto") claim(rule.target.chain, key, rules, objects);
      }
    }
  }
}

function commentOf(rule: IptablesRule): string | null {
  for (const match of rule.matches) if (match.kind === "comment") return match.text;
  return null;
}

function claim(
  name: string,
  key: string,
  rules: ReadonlyMap<string, readonly IptablesRule[]>,
  objects: Map<string, string | null>,
): void {
  if (fixed.has(name) || objects.get(name) === key) return;
  objects.set(name, key);
  for (const { matches, target } of rules.get(name) ?? []) {
    for (const match of matches) if (match.kind === "recent") objects.set(match.list, key);
    if (target.kind === "goto") claim(target.chain, key, rules, objects);
  }
}
