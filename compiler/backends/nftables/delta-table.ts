import { changeOfSet, elementsOf, type SetChange } from "./delta-elements.ts";
import { printRule } from "./print-rule.ts";
import type { AnyNftSet, NftChain, NftFamily, NftTable } from "./program.ts";

/** What turns one table into another without taking it away, in the order of execution. */
export interface TableChange {
  readonly family: NftFamily;
  readonly name: string;
  readonly newSets: readonly AnyNftSet[];
  readonly newChains: readonly NftChain[];
  /** Chains with other rules than before: emptied and filled in the same transaction. */
  readonly changedChains: readonly NftChain[];
  readonly sets: readonly SetChange[];
  readonly oldChains: readonly NftChain[];
  readonly oldSets: readonly AnyNftSet[];
}

/**
 * The name of a set in a table that was read: stands for what is in the table and cannot be taken out of it piece by
 * piece. Not a name for nft.
 */
export const unreadableName = "?";

/**
 * null when the table must be loaded anew: nothing less changes the type of a set or the place of a base chain, and a
 * table that was not read wholly can only be put back as it was listed.
 */
export function changeOfTable(before: NftTable, after: NftTable): TableChange | null {
  if (before.sets.some(({ name }) => name === unreadableName) || hasUnreadable(after)) return null;
  const [oldSets, newSets] = [byName(before.sets), byName(after.sets)];
  const [oldChains, newChains] = [byName(before.chains), byName(after.chains)];
  for (const set of after.sets) {
    const old = oldSets.get(set.name);
    if (old !== undefined && !sameShape(old, set)) return null;
  }
  for (const chain of after.chains) {
    const old = oldChains.get(chain.name);
    if (old !== undefined && !sameHook(old, chain)) return null;
  }
  return {
    family: after.family,
    name: after.name,
    newSets: after.sets.filter(({ name }) => !oldSets.has(name)),
    newChains: after.chains.filter(({ name }) => !oldChains.has(name)),
    changedChains: after.chains.filter((chain) => {
      const old = oldChains.get(chain.name);
      return old !== undefined && !sameRules(old, chain, after.family);
    }),
    sets: after.sets.flatMap((set) => {
      const old = oldSets.get(set.name);
      const change = old === undefined ? null : changeOfSet(old, set);
      return change === null ? [] : [change];
    }),
    oldChains: before.chains.filter(({ name }) => !newChains.has(name)),
    oldSets: before.sets.filter(({ name }) => !newSets.has(name)),
  };
}

function hasUnreadable({ sets, chains }: NftTable): boolean {
  return (
    sets.some((set) => set.key.length === 0 || elementsOf(set)[0]?.key.length === 0) ||
    chains.some(({ rules }) => rules.some((rule) => rule.length === 0))
  );
}

export function isEmptyChange(change: TableChange): boolean {
  const { newSets, newChains, changedChains, sets, oldChains, oldSets } = change;
  return [newSets, newChains, changedChains, sets, oldChains, oldSets].every((list) => list.length === 0);
}

function byName<T extends { readonly name: string }>(items: readonly T[]): ReadonlyMap<string, T> {
  return new Map(items.map((item) => [item.name, item]));
}

function sameShape(a: AnyNftSet, b: AnyNftSet): boolean {
  const shape = (set: AnyNftSet): string =>
    [
      set.kind,
      set.interval,
      ...set.key,
      ":",
      ...("data" in set ? set.data : []),
      ...("size" in set ? [set.size] : []),
    ].join(" ");
  return a === b || shape(a) === shape(b);
}

function sameHook(a: NftChain, b: NftChain): boolean {
  if (a.kind === "regular" || b.kind === "regular") return a.kind === b.kind;
  return a.hook === b.hook && a.priority === b.priority;
}

/** Rules are the same when they are spelled the same. */
function sameRules(a: NftChain, b: NftChain, family: NftFamily): boolean {
  if (a === b) return true;
  if (a.rules.length !== b.rules.length) return false;
  const spelled = (chain: NftChain): string => chain.rules.map((rule) => printRule(rule, family)).join("\n");
  return spelled(a) === spelled(b);
}
