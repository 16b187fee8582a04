import { families } from "../../net/address.ts";
import { chainPrefix, type IptablesProgram, type IptablesRule, type IptablesTable } from "./program.ts";

/** What rules may touch: chains whose names begin so, sets of these names, lists of clients that begin with `weir-`. */
export interface RuleScope {
  isOwnChain(name: string): boolean;
  readonly sets: ReadonlySet<string>;
}

/** The chains of the backend ipvs, which has them beside its virtual servers. */
export const ipvsChainPrefix = `${chainPrefix}IPVS-`;

/** Of the backends that have nothing but rules. */
export const mainScope: RuleScope = {
  isOwnChain: (name) => name.startsWith(chainPrefix) && !name.startsWith(ipvsChainPrefix),
  sets: new Set(),
};

/**
 * The first thing in a program that is another owner's, or that the program only names, as a phrase; null when all is
 * its own. Lowering makes no such thing, so a program that has one was written by someone else.
 */
export function strangerInRules(program: IptablesProgram, scope: RuleScope): string | null {
  for (const family of families) {
    const ruleset = program[family];
    if (ruleset === null) continue;
    const chains = new Map(ruleset.tables.map(({ name, chains }) => [name, new Set(chains.map((each) => each.name))]));
    for (const { table, target } of ruleset.jumps) {
      if (chains.get(table)?.has(target) !== true) return `a jump to the chain ${target}, which it does not make`;
    }
    for (const table of ruleset.tables) {
      const found = strangerInTable(table, chains.get(table.name) ?? new Set(), scope);
      if (found !== null) return found;
    }
  }
  return null;
}

function strangerInTable(table: IptablesTable, own: ReadonlySet<string>, scope: RuleScope): string | null {
  for (const { name, rules } of table.chains) {
    if (!scope.isOwnChain(name)) return `the chain ${name}, which is not this backend's`;
    for (const rule of rules) {
      const found = strangerInRule(rule, own, scope);
      if (found !== null) return `${found}, in the chain ${name}`;
    }
  }
  return null;
}

function strangerInRule({ matches, target }: IptablesRule, own: ReadonlySet<string>, scope: RuleScope): string | null {
  if ("chain" in target && !own.has(target.chain)) return `a jump to ${target.chain}, which it does not make`;
  if (target.kind === "map-set" && !scope.sets.has(target.name))
    return `the set ${target.name}, which it does not make`;
  for (const match of matches) {
    if (match.kind === "set" && !scope.sets.has(match.name)) return `the set ${match.name}, which it does not make`;
    if (match.kind === "recent" && !match.list.startsWith("weir-"))
      return `the list ${match.list}, which is not weir's`;
  }
  return null;
}
