import { type Fraction, fraction } from "../../net/fraction.ts";
import { assert, InternalError } from "../../result.ts";
import type {
  BuiltinChain,
  IptablesChain,
  IptablesMatch,
  IptablesRule,
  IptablesRuleset,
  IptablesTableName,
} from "./program.ts";

/** A rule that matched. */
export interface IptablesPlace {
  readonly table: IptablesTableName;
  readonly chain: string;
  readonly rule: IptablesRule;
}

/** A throw of dice: how probable it is that the rule goes on, and that it does not. */
export interface Dice {
  readonly kind: "dice";
  readonly hit: Fraction;
  readonly miss: Fraction;
}

export type RuleTest = Exclude<IptablesMatch, { readonly kind: "statistic" | "comment" }> | Dice;

/** A rule as packets meet it. */
export interface IndexedRule {
  readonly place: IptablesPlace;
  readonly tests: readonly RuleTest[];
}

export interface IndexedChain {
  readonly table: IptablesTableName;
  readonly name: string;
  readonly rules: readonly IndexedRule[];
}

/** A table that a hook calls, and weir's chains that its built-in chain jumps to, in order. */
export interface HookStage {
  readonly table: IptablesTableName;
  readonly targets: readonly string[];
}

/** Tables of a hook in the order in which the kernel calls them (enum nf_ip_hook_priorities). */
const tablesOf: Readonly<Record<BuiltinChain, readonly IptablesTableName[]>> = {
  PREROUTING: ["raw", "mangle", "nat"],
  INPUT: ["mangle", "filter", "nat"],
  FORWARD: ["mangle", "filter"],
  OUTPUT: ["raw", "mangle", "nat", "filter"],
  POSTROUTING: ["mangle", "nat"],
};

/** What is looked up in a ruleset by many packets. A chain is made ready when the first of them comes to it. */
export class RulesetIndex {
  /** Stages without a jump are left out. */
  readonly hooks: Readonly<Record<BuiltinChain, readonly HookStage[]>>;
  readonly #chains: ReadonlyMap<IptablesTableName, ReadonlyMap<string, IptablesChain>>;
  readonly #ready = new Map<IptablesTableName, Map<string, IndexedChain>>();

  constructor({ tables, jumps }: IptablesRuleset) {
    this.#chains = new Map(
      tables.map((table) => [table.name, new Map(table.chains.map((chain) => [chain.name, chain]))] as const),
    );
    for (const { name } of tables) this.#ready.set(name, new Map());
    const stages = (chain: BuiltinChain): readonly HookStage[] =>
      tablesOf[chain].flatMap((table) => {
        const own = jumps.filter((jump) => jump.table === table && jump.chain === chain);
        return own.length === 0 ? [] : [{ table, targets: own.map(({ target }) => target) }];
      });
    this.hooks = {
      PREROUTING: stages("PREROUTING"),
      INPUT: stages("INPUT"),
      FORWARD: stages("FORWARD"),
      OUTPUT: stages("OUTPUT"),
      POSTROUTING: stages("POSTROUTING"),
    };
  }

  /** Throws InternalError when the table has no such chain. */
  chain(table: IptablesTableName, name: string): IndexedChain {
    const known = this.#ready.get(table)?.get(name);
    if (known !== undefined) return known;
    const chain = this.#chains.get(table)?.get(name);
    if (chain === undefined) throw new InternalError(`table ${table} has no chain ${name}`);
    const ready: IndexedChain = { table, name, rules: chain.rules.map((rule) => indexedRule(table, name, rule)) };
    this.#ready.get(table)?.set(name, ready);
    return ready;
  }
}

const indexes = new WeakMap<IptablesRuleset, RulesetIndex>();

/** The index of a ruleset, made once. */
export function indexOf(ruleset: IptablesRuleset): RulesetIndex {
  const known = indexes.get(ruleset) ?? new RulesetIndex(ruleset);
  indexes.set(ruleset, known);
  return known;
}

function indexedRule(table: IptablesTableName, chain: string, rule: IptablesRule): IndexedRule {
  const tests = rule.matches.flatMap((match): readonly RuleTest[] => {
    if (match.kind === "comment") return [];
    return match.kind === "statistic" ? [diceOf(match.threshold)] : [match];
  });
  assert(tests.filter(({ kind }) => kind === "dice").length < 2, "a rule with two statistics cannot be followed");
  return { place: { table, chain, rule }, tests };
}

/** In units of 2^-31 (xt_statistic.h). */
function diceOf(threshold: number): Dice {
  return { kind: "dice", hit: fraction(threshold, 2 ** 31), miss: fraction(2 ** 31 - threshold, 2 ** 31) };
}
