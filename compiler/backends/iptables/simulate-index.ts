import { type Fraction, fraction, multiply } from "../../net/fraction.ts";
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

/** A throw of dice. */
export interface Dice {
  readonly kind: "dice";
  /** What it makes of the share of a walk: where the rule goes on, and where it does not. */
  divide(share: Fraction): Divided;
}

export interface Divided {
  readonly hit: Fraction;
  readonly miss: Fraction;
}

export type RuleTest = Exclude<IptablesMatch, { readonly kind: "statistic" | "comment" }> | Dice;

/** A rule as packets meet it. */
export interface IndexedRule {
  readonly place: IptablesPlace;
  readonly tests: readonly RuleTest[];
  /** The chain that it jumps or goes to; null where there is none of that name. */
  readonly to: IndexedChain | null;
}

export interface IndexedChain {
  readonly name: string;
  rules(): readonly IndexedRule[];
}

/** A table that a hook calls, and weir's chains that its built-in chain jumps to, in order. */
export interface HookStage {
  readonly table: IptablesTableName;
  targets(): readonly IndexedChain[];
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
  readonly #chains: ReadonlyMap<string, IndexedChain>;

  constructor({ tables, jumps }: IptablesRuleset) {
    this.#chains = new Map(
      tables.flatMap(({ name, chains }) =>
        chains.map((chain) => [`${name} ${chain.name}`, this.#indexedChain(name, chain)] as const),
      ),
    );
    const stages = (chain: BuiltinChain): readonly HookStage[] =>
      tablesOf[chain].flatMap((table) => {
        const own = jumps.filter((jump) => jump.table === table && jump.chain === chain);
        const targets = once(() => own.map(({ target }) => this.#named(table, target)));
        return own.length === 0 ? [] : [{ table, targets }];
      });
    this.hooks = {
      PREROUTING: stages("PREROUTING"),
      INPUT: stages("INPUT"),
      FORWARD: stages("FORWARD"),
      OUTPUT: stages("OUTPUT"),
      POSTROUTING: stages("POSTROUTING"),
    };
  }

  #named(table: IptablesTableName, name: string): IndexedChain {
    const chain = this.#chains.get(`${table} ${name}`);
    if (chain === undefined) throw new InternalError(`table ${table} has no chain ${name}`);
    return chain;
  }

  #indexedChain(table: IptablesTableName, { name, rules }: IptablesChain): IndexedChain {
    return { name, rules: once(() => rules.map((rule) => this.#indexedRule(table, name, rule))) };
  }

  #indexedRule(table: IptablesTableName, chain: string, rule: IptablesRule): IndexedRule {
    const tests = rule.matches.flatMap((match): readonly RuleTest[] => {
      if (match.kind === "comment") return [];
      return match.kind === "statistic" ? [diceOf(match.threshold)] : [match];
    });
    assert(tests.filter(({ kind }) => kind === "dice").length < 2, "a rule with two statistics cannot be followed");
    const { target } = rule;
    const isLeading = target.kind === "jump" || target.kind === "goto";
    const to = isLeading ? (this.#chains.get(`${table} ${target.chain}`) ?? null) : null;
    return { place: { table, chain, rule }, tests, to };
  }
}

const indexes = new WeakMap<IptablesRuleset, RulesetIndex>();

/** The index of a ruleset, made once. */
export function indexOf(ruleset: IptablesRuleset): RulesetIndex {
  const known = indexes.get(ruleset) ?? new RulesetIndex(ruleset);
  indexes.set(ruleset, known);
  return known;
}

function once<T extends object>(make: () => T): () => T {
  let made: T | null = null;
  return () => {
    made ??= make();
    return made;
  };
}

/** In units of 2^-31 (xt_statistic.h). Packets that come by one way all have the same share, which is divided once. */
function diceOf(threshold: number): Dice {
  const [hit, miss] = [fraction(threshold, 2 ** 31), fraction(2 ** 31 - threshold, 2 ** 31)];
  let last: { readonly share: Fraction; readonly divided: Divided } | null = null;
  return {
    kind: "dice",
    divide: (share) => {
      if (last?.share !== share) last = { share, divided: { hit: multiply(share, hit), miss: multiply(share, miss) } };
      return last.divided;
    },
  };
}
