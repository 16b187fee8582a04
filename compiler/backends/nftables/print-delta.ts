import { unreachable } from "../../result.ts";
import type { Operation } from "../step.ts";
import { TextWriter } from "../text.ts";
import { elementsOf, type NftElement, type SetChange } from "./delta-elements.ts";
import type { Owners } from "./delta-owners.ts";
import { isEmptyChange, type TableChange } from "./delta-table.ts";
import { printChain, printComment, printKey, printNftables, printSet, replacement } from "./print.ts";
import { printVerdict } from "./print-rule.ts";
import type { AnyNftSet, NftDatatype, NftTable } from "./program.ts";

/** Tables by what happens to them; all of it is one transaction. */
export interface NftDelta {
  /** Whether they are there or not; with a listing that is loaded instead, affinity and counters in it. */
  readonly loads: readonly { readonly table: NftTable; readonly listing: string | null }[];
  readonly changes: readonly TableChange[];
  readonly deletes: readonly Pick<NftTable, "family" | "name">[];
}

/** Input for `nft -f`, in pieces; none when nothing changes. */
export function printDelta(delta: NftDelta): readonly string[] {
  const out = new TextWriter();
  const files = delta.loads.flatMap(({ table, listing }) => {
    if (listing === null) return printNftables({ tables: [table] });
    for (const line of [...replacement(table), ...listing.split("\n")]) out.line(line);
    return [];
  });
  for (const change of delta.changes) if (!isEmptyChange(change)) printChange(change, out);
  for (const { family, name } of delta.deletes) out.line(`delete table ${family} ${name}`);
  return [...files, out.file("")].flatMap((file) => file.chunks);
}

/**
 * Chains lose their rules before they get new ones and elements go before they come, because a key can be there once.
 * What others refer to comes first and goes last.
 */
function printChange(change: TableChange, out: TextWriter): void {
  const table = `${change.family} ${change.name}`;
  for (const { name } of change.changedChains) out.line(`flush chain ${table} ${name}`);
  const chains = [...change.newChains, ...change.changedChains];
  if (change.newSets.length + chains.length > 0) {
    out.line(`table ${table} {`);
    for (const set of change.newSets) printSet(set, out);
    for (const chain of chains) printChain(chain, change.family, out);
    out.line("}");
  }
  for (const set of change.sets) printSetChange(set, table, out);
  for (const { name } of change.oldChains) out.line(`flush chain ${table} ${name}`);
  // rules hold sets, and elements of sets hold chains
  for (const set of change.oldSets) out.line(`delete ${wordOf(set)} ${table} ${set.name}`);
  for (const { name } of change.oldChains) out.line(`delete chain ${table} ${name}`);
}

function printSetChange({ set, removed, added, refill }: SetChange, table: string, out: TextWriter): void {
  if (refill) out.line(`flush ${wordOf(set)} ${table} ${set.name}`);
  else printElementList(`delete element ${table} ${set.name}`, removed, ({ key }) => printKey(key, set.key), out);
  const fresh = refill ? elementsOf(set) : added;
  printElementList(`add element ${table} ${set.name}`, fresh, (element) => printElement(set, element), out);
}

function printElementList(
  head: string,
  elements: readonly NftElement[],
  print: (element: NftElement) => string,
  out: TextWriter,
): void {
  if (elements.length === 0) return;
  out.line(`${head} {`);
  for (const element of elements) out.line(`\t${print(element)},`);
  out.line("}");
}

function wordOf(set: AnyNftSet): "set" | "map" {
  return set.kind === "set" ? "set" : "map";
}

/** `10.96.0.10 . tcp . 80 . 5700:3 : 10.244.1.5 . 8080` */
function printElement(set: AnyNftSet, element: NftElement): string {
  const key = printKey(element.key, set.key);
  const comment = printComment("comment" in element ? element.comment : null);
  switch (set.kind) {
    case "set":
    case "dynamic-map":
      return `${key}${comment}`;
    case "map":
      return "data" in element ? `${key} : ${printKey(element.data, dataTypes(set))}` : key;
    case "verdict-map":
      return "verdict" in element ? `${key}${comment} : ${printVerdict(element.verdict)}` : key;
    default:
      return unreachable(set);
  }
}

function dataTypes(set: AnyNftSet): readonly NftDatatype[] {
  return set.kind === "map" ? set.data : [];
}

/** The same for people, in the order of execution; names are as `nft` takes them. */
export function describeDelta(delta: NftDelta, ownersOf: (change: TableChange) => Owners): readonly Operation[] {
  return [
    ...delta.loads.map(
      ({ table }): Operation => ({ action: "load", object: "table", name: tableText(table), key: null }),
    ),
    ...delta.changes.flatMap((change) => describeChange(change, ownersOf(change))),
    ...delta.deletes.map(
      (table): Operation => ({ action: "delete", object: "table", name: tableText(table), key: null }),
    ),
  ];
}

function tableText({ family, name }: Pick<NftTable, "family" | "name">): string {
  return `${family} ${name}`;
}

function describeChange(change: TableChange, owners: Owners): readonly Operation[] {
  const describe = (action: Operation["action"], object: string, name: string): Operation => ({
    action,
    object,
    name: `${tableText(change)} ${name}`,
    key: owners.ofName(name),
  });
  return [
    ...change.newSets.map((set) => describe("add", wordOf(set), set.name)),
    ...change.newChains.map(({ name }) => describe("add", "chain", name)),
    ...change.changedChains.map(({ name }) => describe("replace", "chain", name)),
    ...change.sets.flatMap((set) => describeSet(set, tableText(change), owners)),
    ...change.oldSets.map((set) => describe("delete", wordOf(set), set.name)),
    ...change.oldChains.map(({ name }) => describe("delete", "chain", name)),
  ];
}

/** An element that goes and comes with other data is replaced. */
function describeSet(change: SetChange, table: string, owners: Owners): readonly Operation[] {
  const { set, removed, added } = change;
  const keyOf = (element: NftElement): string => printKey(element.key, set.key);
  const [gone, come] = [new Set(removed.map(keyOf)), new Set(added.map(keyOf))];
  const describe = (action: Operation["action"], element: NftElement): Operation => ({
    action,
    object: "element",
    name: `${table} ${set.name} ${printElement(set, element)}`,
    key: owners.ofElement(set, element) ?? owners.ofName(set.name),
  });
  const operations = [
    ...removed.filter((element) => !come.has(keyOf(element))).map((element) => describe("delete", element)),
    ...added.map((element) => describe(gone.has(keyOf(element)) ? "replace" : "add", element)),
  ];
  // emptied for the sake of elements that have no name
  if (operations.length > 0) return operations;
  return [{ action: "replace", object: wordOf(set), name: `${table} ${set.name}`, key: owners.ofName(set.name) }];
}
