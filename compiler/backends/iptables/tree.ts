import { compareText } from "../../net/order.ts";
import type { IptablesChain, IptablesRule } from "./program.ts";

/** A chain holds at most so many leaves before it branches by the next nibble, which has as many values. */
export const leavesPerChain = 16;

/** Something to find by a key of hexadecimal digits; all keys of a tree have one length and differ. */
export interface Leaf<T> {
  readonly key: string;
  readonly value: T;
}

/** What a tree of chains is made of. `known` is the part of the key that led to the chain: tests need not repeat it. */
export interface TreeShape<T> {
  readonly root: string;
  /** Name of the chain for all keys that begin with `prefix`. */
  name(prefix: string): string;
  /** Tests that lead from a chain to the one of `prefix`; alternatives, one rule for each. */
  branch(prefix: string, known: string, leaves: readonly Leaf<T>[], chain: string): readonly IptablesRule[];
  leaf(leaf: Leaf<T>, known: string): readonly IptablesRule[];
  /** Rules after all others of a chain; `leaves` are those that no branch has taken. */
  tail(known: string, leaves: readonly Leaf<T>[]): readonly IptablesRule[];
  /** Lengths of key at which a branch always stops, though its keys agree further: the end of an address. */
  readonly stops: readonly number[];
}

/**
 * A radix tree of chains over nibbles: a chain of up to 16 leaves is flat, in the order of keys; above that it has a
 * branch for each value of the next nibble that occurs, to the longest prefix that its keys have in common, or the leaf
 * itself where there is one alone. A pure function of the set of leaves, so that one more leaf changes one line, or
 * splits one chain.
 */
export function buildTree<T>(leaves: readonly Leaf<T>[], shape: TreeShape<T>): readonly IptablesChain[] {
  const sorted = [...leaves].sort((a, b) => compareText(a.key, b.key));
  const chains: IptablesChain[] = [];
  addChain(shape.root, "", sorted, shape, chains);
  return chains;
}

function addChain<T>(
  name: string,
  known: string,
  leaves: readonly Leaf<T>[],
  shape: TreeShape<T>,
  chains: IptablesChain[],
): void {
  const rules: IptablesRule[] = [];
  const own: Leaf<T>[] = [];
  const groups = leaves.length <= leavesPerChain ? leaves.map((leaf) => [leaf]) : groupByNibble(leaves, known.length);
  for (const group of groups) {
    const [first] = group;
    if (first === undefined) continue;
    if (group.length === 1) {
      own.push(first);
      rules.push(...shape.leaf(first, known));
    } else {
      const prefix = commonPrefix(group, known.length, shape.stops);
      const branch = shape.name(prefix);
      rules.push(...shape.branch(prefix, known, group, branch));
      addChain(branch, prefix, group, shape, chains);
    }
  }
  rules.push(...shape.tail(known, own));
  chains.push({ name, rules });
}

/** Sorted leaves that agree in the nibble at `at`, after one another. All leaves agree before it, or differ from there on. */
function groupByNibble<T>(leaves: readonly Leaf<T>[], at: number): readonly Leaf<T>[][] {
  const groups: Leaf<T>[][] = [];
  let last = "";
  for (const leaf of leaves) {
    const nibble = leaf.key.charAt(at);
    if (nibble === last) groups.at(-1)?.push(leaf);
    else groups.push([leaf]);
    last = nibble;
  }
  return groups;
}

function commonPrefix<T>(sorted: readonly Leaf<T>[], known: number, stops: readonly number[]): string {
  const first = sorted[0]?.key ?? "";
  const last = sorted.at(-1)?.key ?? "";
  const end = stops.find((stop) => stop > known) ?? first.length;
  let length = known;
  while (length < end && first.charAt(length) === last.charAt(length)) length++;
  return first.slice(0, length);
}
