import { type Family, families } from "../../net/address.ts";
import type { IptablesFlavour, Operation, Step } from "../step.ts";
import { staleFlowSteps } from "./delta-flows.ts";
import {
  type ChainForm,
  type OwnTable,
  type OwnTables,
  type PlacedJump,
  type TableCommit,
  tableCommits,
} from "./delta-tables.ts";
import { namedChains } from "./named-chains.ts";
import type { MatchTexts } from "./print.ts";
import { printChainRules, printCommits } from "./print-delta.ts";
import type { BuiltinChain, IptablesChain, IptablesProgram, IptablesRuleset, IptablesTableName } from "./program.ts";
import { sameRule } from "./same-rule.ts";

/** What only the node knows. */
export interface IptablesDeltaOptions {
  /** null when not known: the steps say so too. */
  readonly flavour: IptablesFlavour | null;
  /** Chains that rules of others refer to are emptied instead of deleted. */
  isPinned(family: Family, table: IptablesTableName, chain: string): boolean;
}

const unknownNode: IptablesDeltaOptions = { flavour: null, isPinned: () => false };

/**
 * The least steps from one program to another, null for nothing at all: one restore for each family, in which chains
 * that differ are rewritten and all others stay, then the UDP flows that must go. Each table changes at once, and every
 * state between two tables serves what both programs serve.
 */
export function deltaIptables(
  before: IptablesProgram | null,
  after: IptablesProgram | null,
  options: IptablesDeltaOptions = unknownNode,
): readonly Step[] {
  const form = chainForm();
  const keys = keysOf(before, after);
  const steps = families.flatMap((family): readonly Step[] => {
    const [old, now] = [before?.[family] ?? null, after?.[family] ?? null];
    if (old === now) return [];
    const commits = tableCommits(ownTables(old), ownTables(now), form, (table, chain) =>
      options.isPinned(family, table, chain),
    );
    return restoreStep(family, commits, options.flavour, {
      keys,
      kind: old === null ? "load" : now === null ? "remove" : "change",
    });
  });
  return steps.length === 0 ? [] : [...steps, ...staleFlowSteps(before, after)];
}

/** What the operations of a step say. */
export interface RestoreDescription {
  /** The service port of a chain. */
  readonly keys: (chain: string) => string | null;
  /** With `load` and `remove` chains are not listed one by one. */
  readonly kind: "load" | "remove" | "change";
}

/** The commits of one family as a step; none for no commits. */
export function restoreStep(
  family: Family,
  commits: readonly TableCommit[],
  flavour: IptablesFlavour | null,
  description: RestoreDescription,
): readonly Step[] {
  if (commits.length === 0) return [];
  return [
    {
      kind: "iptables",
      family,
      flavour,
      operations: commits.flatMap((commit) => operationsOf(family, commit, description)),
      input: printCommits(commits, flavour),
    },
  ];
}

function operationsOf(family: Family, commit: TableCommit, { keys, kind }: RestoreDescription): readonly Operation[] {
  const { table, chains, jumps, emptied, deleted } = commit;
  const tool = `${family === "ipv4" ? "iptables" : "ip6tables"} ${table}`;
  const inAll = (action: "load" | "delete", count: number): readonly Operation[] =>
    count === 0 ? [] : [{ action, object: "chains", name: `${tool} WEIR-* (${count})`, key: null }];
  const named = (action: Operation["action"], name: string): Operation => ({
    action,
    object: "chain",
    name: `${tool} ${name}`,
    key: keys(name),
  });
  return [
    ...(kind === "load"
      ? inAll("load", chains.length)
      : chains.map(({ name, isNew }) => named(isNew ? "add" : "replace", name))),
    ...jumps.flatMap(({ chain, out, in: entering }) => jumpOperations(`${tool} ${chain}`, out, entering)),
    ...emptied.map((name) => named("replace", name)),
    ...(kind === "remove" ? inAll("delete", deleted.length) : deleted.map((name) => named("delete", name))),
  ];
}

function jumpOperations(where: string, out: readonly string[], entering: readonly PlacedJump[]): readonly Operation[] {
  const operation = (action: Operation["action"], target: string): Operation => ({
    action,
    object: "jump",
    name: `${where} -> ${target}`,
    key: null,
  });
  const old = new Set(out);
  const now = new Set(entering.map((jump) => jump.target));
  return [
    ...[...now].map((target) => operation(old.has(target) ? "replace" : "add", target)),
    ...[...old].filter((target) => !now.has(target)).map((target) => operation("delete", target)),
  ];
}

/** Service ports of chains, looked up when the first is asked for. */
function keysOf(before: IptablesProgram | null, after: IptablesProgram | null): (chain: string) => string | null {
  let known: ReadonlyMap<string, string | null> | null = null;
  return (chain) => {
    known ??= new Map(
      [before, after].flatMap((program) =>
        program === null ? [] : namedChains(program).map(({ name, key }) => [name, key] as const),
      ),
    );
    return known.get(chain) ?? null;
  };
}

function chainForm(): ChainForm<IptablesChain> {
  const texts: MatchTexts = new Map();
  return {
    same: ({ rules: a }, { rules: b }) => {
      if (a === b) return true;
      if (a.length !== b.length) return false;
      return a.every((rule, index) => {
        const other = b[index];
        return other !== undefined && sameRule(rule, other, texts);
      });
    },
    text: (name, chain) => printChainRules(name, chain.rules, texts),
  };
}

function ownTables(ruleset: IptablesRuleset | null): OwnTables<IptablesChain> {
  const tables = new Map<IptablesTableName, OwnTable<IptablesChain>>();
  const jumps = new Map<IptablesTableName, Map<BuiltinChain, PlacedJump[]>>();
  for (const { table, chain, target, position } of ruleset?.jumps ?? []) {
    const ofTable = jumps.get(table) ?? new Map<BuiltinChain, PlacedJump[]>();
    const placed = ofTable.get(chain) ?? [];
    placed.push({ target, at: position === "first" ? placed.length + 1 : "end" });
    jumps.set(table, ofTable.set(chain, placed));
  }
  for (const { name, chains } of ruleset?.tables ?? []) {
    const own = new Map(chains.map((chain) => [chain.name, chain]));
    tables.set(name, { chains: own, jumps: jumps.get(name) ?? new Map() });
  }
  for (const [name, ofTable] of jumps) if (!tables.has(name)) tables.set(name, { chains: new Map(), jumps: ofTable });
  return tables;
}
