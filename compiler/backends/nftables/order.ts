import { compareAddresses, comparePrefixes, type IpAddress, type Prefix } from "../../net/address.ts";
import { compareNumbers, compareText } from "../../net/order.ts";
import { compareProtocols, type Protocol } from "../../net/port.ts";
import { chainNames, setNames } from "./names.ts";
import type { AnyNftSet, NftAtom, NftChain, NftMap, NftRange, NftTable } from "./program.ts";

/**
 * The one order of everything in a program. The kernel lists hash sets in any order, and chains by age;
 * parse.ts puts them in this order, so that a listing equals the program it came from.
 */

export function isProtocol(atom: NftAtom): atom is Protocol {
  return typeof atom === "string";
}

export function isPrefix(atom: NftAtom): atom is Prefix {
  return typeof atom === "object" && "length" in atom;
}

export function isRange(atom: NftAtom): atom is NftRange {
  return typeof atom === "object" && "first" in atom;
}

function isAddress(atom: NftAtom): atom is IpAddress {
  return typeof atom === "object" && "bits" in atom;
}

/** Atoms at the same place of a key are of one kind, except that addresses and prefixes may meet. */
function compareAtoms(a: NftAtom, b: NftAtom): number {
  if (a === b) return 0;
  if (typeof a === "number" && typeof b === "number") return compareNumbers(a, b);
  if (isProtocol(a) && isProtocol(b)) return compareProtocols(a, b);
  if (isAddress(a) && isAddress(b)) return compareAddresses(a, b);
  if (isPrefix(a) && isPrefix(b)) return comparePrefixes(a, b);
  return compareNumbers(lowest(a), lowest(b));
}

function lowest(atom: NftAtom): number | bigint {
  if (typeof atom === "number") return atom;
  if (isRange(atom)) return atom.first;
  if (isPrefix(atom)) return atom.address.bits;
  return isAddress(atom) ? atom.bits : 0;
}

export function compareKeys(a: readonly NftAtom[], b: readonly NftAtom[]): number {
  return compareParts(a, b, a.length);
}

function compareParts(a: readonly NftAtom[], b: readonly NftAtom[], count: number): number {
  if (a === b) return 0;
  for (let at = 0; at < count; at++) {
    const left = a[at];
    const right = b[at];
    if (left === right) continue;
    if (left === undefined || right === undefined) break;
    const order = compareAtoms(left, right);
    if (order !== 0) return order;
  }
  return 0;
}

/** Whether the last part of the key numbers the slots or endpoints of a frontend. */
export function isNumbered(map: NftMap): boolean {
  return map.key.length > 1 && map.key.at(-1) === "classid";
}

/** A numbered map to addresses, where elements with equal data belong together: all slots of one endpoint. */
export function isByEndpoint(map: NftMap): boolean {
  return isNumbered(map) && map.data[0] !== "classid";
}

/** Elements of maps to endpoints by frontend, then data, then number; all others by key. */
function sortElements<T extends AnyNftSet>(set: T): T {
  switch (set.kind) {
    case "map":
      return isByEndpoint(set)
        ? { ...set, elements: sorted(set.elements, compareNumbered) }
        : { ...set, elements: sorted(set.elements, (a, b) => compareKeys(a.key, b.key)) };
    case "set":
      return { ...set, elements: sorted(set.elements, (a, b) => compareKeys(a.key, b.key)) };
    case "verdict-map":
      return { ...set, elements: sorted(set.elements, (a, b) => compareKeys(a.key, b.key)) };
    default:
      return set;
  }
}

/** Keys of numbered maps without their number. */
export function compareFrontends(a: readonly NftAtom[], b: readonly NftAtom[]): number {
  return compareParts(a, b, a.length - 1);
}

interface Numbered {
  readonly key: readonly NftAtom[];
  readonly data: readonly NftAtom[];
}

export function compareNumbered(a: Numbered, b: Numbered): number {
  return compareFrontends(a.key, b.key) || compareKeys(a.data, b.data) || compareKeys(a.key, b.key);
}

/** The same list when it is in order already, as the printer's own output is. */
function sorted<T>(elements: readonly T[], compare: (a: T, b: T) => number): readonly T[] {
  for (let at = 1; at < elements.length; at++) {
    const [left, right] = [elements[at - 1], elements[at]];
    if (left !== undefined && right !== undefined && compare(left, right) > 0) return [...elements].sort(compare);
  }
  return elements;
}

export function sortTable(table: NftTable): NftTable {
  return {
    ...table,
    sets: sorted(table.sets, compareSets).map(sortElements),
    chains: sorted(table.chains, compareChains),
  };
}

/** Whether a set whose elements are in order has two for one key. */
export function hasDoubles(set: Exclude<AnyNftSet, { readonly kind: "dynamic-map" }>): boolean {
  if (set.kind === "map" && isByEndpoint(set)) return hasDoubleNumbers(set.elements);
  const elements: readonly { readonly key: readonly NftAtom[] }[] = set.elements;
  return elements.some((one, at) => at > 0 && compareKeys(elements[at - 1]?.key ?? [], one.key) === 0);
}

/** The numbers of one frontend are in no order, because endpoints come first. */
function hasDoubleNumbers(elements: NftMap["elements"]): boolean {
  const numbers = new Set<NftAtom | undefined>();
  let frontend: readonly NftAtom[] = [];
  for (const { key } of elements) {
    if (compareFrontends(frontend, key) !== 0 || frontend.length === 0) numbers.clear();
    frontend = key;
    if (numbers.has(key.at(-1))) return true;
    numbers.add(key.at(-1));
  }
  return false;
}

function compareSets(a: AnyNftSet, b: AnyNftSet): number {
  return compareNames(setNames, a.name, b.name);
}

function compareChains(a: NftChain, b: NftChain): number {
  return compareNames(chainNames, a.name, b.name);
}

/** Known names in their order, then the others by name, with numbers in them as numbers: pick-8 before pick-12. */
function compareNames(known: readonly string[], a: string, b: string): number {
  const [left, right] = [known.indexOf(a), known.indexOf(b)];
  if (left !== -1 || right !== -1)
    return compareNumbers(left === -1 ? known.length : left, right === -1 ? known.length : right);
  const [leftParts, rightParts] = [a.split(/(\d+)/), b.split(/(\d+)/)];
  for (let at = 0; at < Math.min(leftParts.length, rightParts.length); at++) {
    const [x, y] = [leftParts[at] ?? "", rightParts[at] ?? ""];
    const order = (at % 2 === 1 ? compareNumbers(Number(x), Number(y)) : 0) || compareText(x, y);
    if (order !== 0) return order;
  }
  return compareNumbers(leftParts.length, rightParts.length);
}
