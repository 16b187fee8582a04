import { chainOf, type NftElement } from "./delta-elements.ts";
import { compareKeys, isNumbered } from "./order.ts";
import type { AnyNftSet, NftAtom, NftTable, NftVerdictElement } from "./program.ts";

/** Tells which service port an element, chain or map of a table is for; null when it serves all, or it is not known. */
export interface Owners {
  ofElement(set: AnyNftSet, element: NftElement): string | null;
  /** The key is address, protocol and port, or the protocol and port of a node port. */
  ofFrontend(key: readonly NftAtom[]): string | null;
  ofName(name: string): string | null;
}

/** Elements of verdict maps have their service port as comment; what else belongs to a frontend is found by its key. */
export function ownersOf(tables: readonly NftTable[]): Owners {
  let wide: ReadonlyMap<string, string> | null = null;
  return {
    ofElement: (set, element) => {
      if ("comment" in element && element.comment !== null) return element.comment;
      const frontend = frontendOf(set, element);
      return frontend === null ? null : commentOf(tables, frontend);
    },
    ofFrontend: (key) => commentOf(tables, key),
    ofName: (name) => {
      if (!isOfOneFrontend(name)) return null;
      wide ??= wideOwners(tables);
      return wide.get(hashOf(name)) ?? null;
    },
  };
}

/** The part of the key that is a frontend's, where a set has one. */
function frontendOf(set: AnyNftSet, { key }: NftElement): readonly NftAtom[] | null {
  if (set.kind === "map" && isNumbered(set)) return key.slice(0, -1);
  return set.kind === "set" && (set.name === "allowed" || set.name === "node-port-allowed") ? key.slice(0, -1) : null;
}

function commentOf(tables: readonly NftTable[], frontend: readonly NftAtom[]): string | null {
  for (const table of tables) {
    const found = findVerdict(table, frontend.length === 3 ? "frontends" : "node-ports", frontend);
    if (found !== null) return found.comment;
  }
  return null;
}

/** By halving: the elements are in the order of their keys. */
export function findVerdict(table: NftTable, map: string, key: readonly NftAtom[]): NftVerdictElement | null {
  const set = table.sets.find(({ name }) => name === map);
  if (set?.kind !== "verdict-map") return null;
  let [low, high] = [0, set.elements.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const element = set.elements[middle];
    if (element === undefined) return null;
    const order = compareKeys(key, element.key);
    if (order === 0) return element;
    if (order < 0) high = middle - 1;
    else low = middle + 1;
  }
  return null;
}

/** Chains and maps of pools with too many slots for the shared maps: their names end in one hash of the frontend. */
function isOfOneFrontend(name: string): boolean {
  return name.includes("-wide-") || name.startsWith("weights");
}

function hashOf(name: string): string {
  return name.slice(name.lastIndexOf("-") + 1);
}

function wideOwners(tables: readonly NftTable[]): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const set of tables.flatMap((table) => table.sets)) {
    if (set.kind !== "verdict-map") continue;
    for (const { verdict, comment } of set.elements) {
      const chain = chainOf(verdict);
      if (chain !== null && comment !== null && isOfOneFrontend(chain)) owners.set(hashOf(chain), comment);
    }
  }
  return owners;
}
