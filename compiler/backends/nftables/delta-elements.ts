import { addressWidth } from "../../net/address.ts";
import { compareFrontends, compareKeys, isNumbered, isPrefix, isProtocol, isRange } from "./order.ts";
import { printKey } from "./print.ts";
import type {
  AnyNftSet,
  NftAtom,
  NftDatatype,
  NftMapElement,
  NftSetElement,
  NftVerdict,
  NftVerdictElement,
} from "./program.ts";

export type NftElement = NftSetElement | NftMapElement | NftVerdictElement;

/** What turns the elements of a set into those it is to have. */
export interface SetChange {
  /** The set as it is to be. */
  readonly set: AnyNftSet;
  /** An element whose data, verdict or comment differ is in both lists. */
  readonly removed: readonly NftElement[];
  readonly added: readonly NftElement[];
  /** The set is emptied and filled with all its elements, because single ones cannot go or come. */
  readonly refill: boolean;
}

/** A map that packets fill has none: its elements are no part of a program. */
export function elementsOf(set: AnyNftSet): readonly NftElement[] {
  return set.kind === "dynamic-map" ? [] : set.elements;
}

/** Stands first in a set that was read with elements in it that weir cannot read. */
export const unreadableKey: readonly NftAtom[] = [];

/**
 * null when nothing differs. Both are sets of one name and shape, with elements in the order of order.ts, as parsers
 * and lowerings make them.
 */
export function changeOfSet(before: AnyNftSet, after: AnyNftSet): SetChange | null {
  if (before === after) return null;
  const old = elementsOf(before);
  const isUnreadable = old[0]?.key.length === 0;
  const { removed, added } = diffElements(isUnreadable ? old.slice(1) : old, after);
  if (removed.length + added.length === 0 && !isUnreadable) return null;
  return { set: after, removed, added, refill: isUnreadable || mustRefill(after, removed, added) };
}

/**
 * One walk through both lists, which are in one order. Numbered maps are not in the order of their keys within a
 * frontend, so what differs there is compared by key.
 */
function diffElements(
  before: readonly NftElement[],
  after: AnyNftSet,
): { readonly removed: readonly NftElement[]; readonly added: readonly NftElement[] } {
  const now = elementsOf(after);
  const compare = after.kind === "map" && isNumbered(after) ? compareFrontends : compareKeys;
  const removed: NftElement[] = [];
  const added: NftElement[] = [];
  let [left, right] = [0, 0];
  for (;;) {
    const [a, b] = [before[left], now[right]];
    if (a === undefined && b === undefined) return { removed, added };
    if (a !== undefined && b !== undefined && sameElement(a, b)) {
      left++;
      right++;
      continue;
    }
    const order = a === undefined ? 1 : b === undefined ? -1 : compare(a.key, b.key);
    const [leftStart, rightStart] = [left, right];
    if (order <= 0 && a !== undefined) left = endOfGroup(before, left, compare);
    if (order >= 0 && b !== undefined) right = endOfGroup(now, right, compare);
    diffGroup(before.slice(leftStart, left), now.slice(rightStart, right), after.key, removed, added);
  }
}

function endOfGroup(
  elements: readonly NftElement[],
  start: number,
  compare: (a: readonly NftAtom[], b: readonly NftAtom[]) => number,
): number {
  const first = elements[start];
  let at = start + 1;
  for (let next = elements[at]; first !== undefined && next !== undefined; next = elements[++at]) {
    if (compare(first.key, next.key) !== 0) break;
  }
  return at;
}

function diffGroup(
  before: readonly NftElement[],
  after: readonly NftElement[],
  types: readonly NftDatatype[],
  removed: NftElement[],
  added: NftElement[],
): void {
  const old = new Map(before.map((element) => [printKey(element.key, types), element]));
  const fresh = new Map(after.map((element) => [printKey(element.key, types), element]));
  for (const [key, element] of old) {
    const now = fresh.get(key);
    if (now === undefined || !sameElement(element, now)) removed.push(element);
  }
  for (const [key, element] of fresh) {
    const had = old.get(key);
    if (had === undefined || !sameElement(had, element)) added.push(element);
  }
}

function sameElement(a: NftElement, b: NftElement): boolean {
  if (a === b) return true;
  if (!sameAtoms(a.key, b.key)) return false;
  const [left, right] = ["comment" in a ? a.comment : null, "comment" in b ? b.comment : null];
  if (left !== right) return false;
  if ("data" in a) return "data" in b && sameAtoms(a.data, b.data);
  if ("verdict" in a) return "verdict" in b && sameVerdict(a.verdict, b.verdict);
  return !("data" in b) && !("verdict" in b);
}

function sameVerdict(a: NftVerdict, b: NftVerdict): boolean {
  return a.kind === b.kind && chainOf(a) === chainOf(b);
}

/** null for verdicts that lead to no chain. */
export function chainOf(verdict: NftVerdict): string | null {
  return "chain" in verdict ? verdict.chain : null;
}

export function sameAtoms(a: readonly NftAtom[], b: readonly NftAtom[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) {
    const [left, right] = [a[at], b[at]];
    if (left === right) continue;
    if (left === undefined || right === undefined || !sameAtom(left, right)) return false;
  }
  return true;
}

function sameAtom(a: NftAtom, b: NftAtom): boolean {
  if (typeof a === "number" || typeof b === "number" || isProtocol(a) || isProtocol(b)) return a === b;
  if (isRange(a) || isRange(b)) return isRange(a) && isRange(b) && a.first === b.first && a.last === b.last;
  return isPrefix(a) === isPrefix(b) && a.text === b.text;
}

/**
 * nft 1.0.6 compares new intervals of a plain interval set also with those that the same transaction removes, and
 * refuses overlaps. Sets with concatenated keys are compared by the kernel alone, which does it rightly.
 */
function mustRefill(set: AnyNftSet, removed: readonly NftElement[], added: readonly NftElement[]): boolean {
  if (!set.interval || set.key.length > 1) return false;
  if (set.kind !== "set") return true;
  const gone = removed.map(intervalOf);
  return added.map(intervalOf).some(([first, last]) => gone.some((old) => first <= old[1] && old[0] <= last));
}

function intervalOf({ key: [atom] }: NftElement): readonly [bigint, bigint] {
  if (atom === undefined || typeof atom === "number" || isProtocol(atom)) return [0n, 0n];
  if (isRange(atom)) return [BigInt(atom.first), BigInt(atom.last)];
  if (!isPrefix(atom)) return [atom.bits, atom.bits];
  const { family, bits } = atom.address;
  return [bits, bits | ((1n << BigInt(addressWidth(family) - atom.length)) - 1n)];
}
