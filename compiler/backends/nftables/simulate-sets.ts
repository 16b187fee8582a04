import { type IpAddress, prefixContains } from "../../net/address.ts";
import { assert } from "../../result.ts";
import { isPrefix, isRange } from "./order.ts";
import type { AnyNftSet, NftAtom, NftTable, NftVerdict } from "./program.ts";

/** One part of a key or of data while a packet is on its way. Text: a protocol, or a hash that nobody can tell. */
export type NftValue = number | IpAddress | string;

/** What packets have put into dynamic maps: by map and key, `affinity 10.0.0.1 . 10.96.0.1 . tcp . 80`. */
export type NftMemory = ReadonlyMap<string, NftEntry>;

export interface NftEntry {
  readonly data: readonly NftValue[];
  readonly timeoutSeconds: number;
  /** Seconds since it was added or renewed. */
  readonly age: number;
}

/** The same some time later, without entries whose time is over. */
export function aged(memory: NftMemory, secondsLater: number): NftMemory {
  if (secondsLater === 0) return memory;
  const older = [...memory].map(([key, entry]) => [key, { ...entry, age: entry.age + secondsLater }] as const);
  return new Map(older.filter(([, { age, timeoutSeconds }]) => age < timeoutSeconds));
}

export function valueText(value: NftValue): string {
  return typeof value === "object" ? value.text : String(value);
}

export function keyText(key: readonly NftValue[]): string {
  const [first, ...others] = key;
  if (first === undefined) return "";
  let text = valueText(first);
  for (const value of others) text += ` . ${valueText(value)}`;
  return text;
}

/** What an element of any set or map may have. */
interface Element {
  readonly key: readonly NftAtom[];
  readonly data?: readonly NftAtom[];
  readonly verdict?: NftVerdict;
  readonly comment?: string | null;
}

export interface Spread {
  readonly data: readonly NftValue[] | null;
  readonly count: number;
}

/** A table's sets by name, each with an index of its elements. Ranges are looked through, behind the parts that are none. */
export class SetIndex {
  readonly #exact = new Map<string, ReadonlyMap<string, Element>>();
  readonly #ranged = new Map<string, RangedElements>();
  readonly #sets = new Map<string, AnyNftSet>();

  constructor(table: NftTable) {
    for (const set of table.sets) {
      this.#sets.set(set.name, set);
      if (set.kind === "dynamic-map") continue;
      const elements: readonly Element[] = set.elements;
      if (set.interval) this.#ranged.set(set.name, new RangedElements(elements));
      else this.#exact.set(set.name, new Map(elements.map((element) => [atomsText(element.key), element])));
    }
  }

  has(name: string, key: readonly NftValue[]): boolean {
    return this.#find(name, key) !== undefined;
  }

  /** The data of a map's element; null when there is none. */
  dataOf(name: string, key: readonly NftValue[], memory: NftMemory): readonly NftValue[] | null {
    if (this.#named(name).kind === "dynamic-map") return memory.get(`${name} ${keyText(key)}`)?.data ?? null;
    return this.#find(name, key)?.data?.map(plain) ?? null;
  }

  /**
   * What a map of ranges has for `count` numbers from `first` on, and for how many of them; null for maps of another
   * kind. Numbers without an element have no data. A choice among 65,536 numbers is looked at by its ranges.
   */
  spreadOf(name: string, first: number, count: number): readonly Spread[] | null {
    const found: Spread[] = [];
    let left = count;
    for (const { key, data } of this.#ranged.get(name)?.elements ?? []) {
      const [atom] = key;
      if (key.length !== 1 || atom === undefined || !(typeof atom === "number" || isRange(atom))) return null;
      const range = typeof atom === "number" ? { first: atom, last: atom } : atom;
      const covered = Math.min(range.last, first + count - 1) - Math.max(range.first, first) + 1;
      if (covered <= 0) continue;
      found.push({ data: data?.map(plain) ?? null, count: covered });
      left -= covered;
    }
    if (found.length === 0) return null;
    return left > 0 ? [...found, { data: null, count: left }] : found;
  }

  verdictOf(
    name: string,
    key: readonly NftValue[],
  ): { readonly verdict: NftVerdict; readonly comment: string | null } | null {
    const found = this.#find(name, key);
    return found?.verdict === undefined ? null : { verdict: found.verdict, comment: found.comment ?? null };
  }

  #named(name: string): AnyNftSet {
    const set = this.#sets.get(name);
    assert(set !== undefined, `there is no set or map ${name}`);
    return set;
  }

  #find(name: string, key: readonly NftValue[]): Element | undefined {
    this.#named(name);
    const ranged = this.#ranged.get(name);
    if (ranged !== undefined) return ranged.find(key);
    return this.#exact.get(name)?.get(keyText(key));
  }
}

/** Elements with ranges or prefixes: found by the parts before the first of these, and then looked through. */
class RangedElements {
  readonly elements: readonly Element[];
  /** How many parts are one value in all elements. */
  readonly #plain: number;
  readonly #groups = new Map<string, Element[]>();

  constructor(elements: readonly Element[]) {
    this.elements = elements;
    const lengths = elements.map(({ key }) => {
      const at = key.findIndex(isMany);
      return at === -1 ? key.length : at;
    });
    this.#plain = lengths.reduce((least, length) => Math.min(least, length), Number.POSITIVE_INFINITY);
    for (const element of elements) {
      const text = atomsText(element.key.slice(0, this.#plain));
      const group = this.#groups.get(text);
      if (group === undefined) this.#groups.set(text, [element]);
      else group.push(element);
    }
  }

  find(key: readonly NftValue[]): Element | undefined {
    const group = this.#groups.get(keyText(key.slice(0, this.#plain))) ?? [];
    return group.find((element) => element.key.every((atom, at) => holds(atom, key[at])));
  }
}

/** A range of one number, or a prefix of one address, is held to be many too. */
function isMany(atom: NftAtom): boolean {
  return isRange(atom) || isPrefix(atom);
}

function atomsText(key: readonly NftAtom[]): string {
  return key.map((atom) => valueText(plain(atom))).join(" . ");
}

/** An atom that stands for one value. */
function plain(atom: NftAtom): NftValue {
  assert(!isRange(atom), "a range is no value");
  return isPrefix(atom) ? atom.address : atom;
}

function holds(atom: NftAtom, value: NftValue | undefined): boolean {
  if (value === undefined) return false;
  if (isRange(atom)) return typeof value === "number" && atom.first <= value && value <= atom.last;
  if (isPrefix(atom)) return typeof value === "object" && prefixContains(atom, value);
  return valueText(atom) === valueText(value);
}
