import type { Chunk, Leaf, LetDeclaration } from "../../grammar/nodes.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import { type IpAddress, type Prefix, parsePrefix } from "../net/address.ts";
import type { SourceFile } from "../source.ts";
import { mostErrors } from "../syntax/finding.ts";
import { type ListBudget, type ListMember, locate, type NamedList, report, type Scope } from "./from-syntax-scope.ts";
import { addressValue, looksLikeAddress, nameValue } from "./from-syntax-values.ts";

interface PendingList {
  readonly declaration: LetDeclaration;
  readonly scope: Scope;
  state: "new" | "busy";
  /** Named where it cannot be: an error already, and not unused. */
  isReported: boolean;
}

const deepestList = 64;
const mostValues = 10_000_000;
const noMembers: readonly ListMember[] = [];

/**
 * The `let` lists among parts of a file, with the lists they name taken in, in a scope for reading the file. A list is
 * known in its own file only, wherever in it: a file says by itself what it means.
 */
export function readLists(chunks: readonly Chunk[], file: SourceFile, diagnostics: Diagnostic[]): Scope {
  const lists = new Map<string, NamedList>();
  const budget: ListBudget = { left: mostValues };
  const whole: Scope = { file, start: 0, lists, diagnostics, budget };
  const pending = new Map<string, PendingList>();
  for (const chunk of chunks) {
    for (const { statement } of chunk.lines) {
      if (statement?.kind === "let") addPending({ ...whole, start: chunk.start }, statement, pending);
    }
  }
  for (const name of pending.keys()) resolveList(name, pending, lists, 1);
  return whole;
}

function addPending(scope: Scope, declaration: LetDeclaration, pending: Map<string, PendingList>): void {
  const { name } = declaration;
  if (looksLikeAddress(name.text)) {
    const reason = "looks like an address; lists have names that begin with a letter";
    report(scope, name, "syntax/name", { what: "list", text: name.text, reason });
    return;
  }
  if (nameValue(scope, name, "list", 63) === null) return;
  const before = pending.get(name.text);
  if (before === undefined) {
    pending.set(name.text, { declaration, scope, state: "new", isReported: false });
    return;
  }
  const notes = [{ message: "first given here", location: locate(before.scope, before.declaration) }];
  report(scope, declaration, "syntax/repeated", { what: `list ${name.text}` }, { notes });
}

function resolveList(
  name: string,
  pending: ReadonlyMap<string, PendingList>,
  lists: Map<string, NamedList>,
  depth: number,
): void {
  const item = pending.get(name);
  if (item === undefined || lists.has(name) || depth > deepestList) return;
  const { declaration, scope } = item;
  item.state = "busy";
  const members = new Map<string, ListMember>();
  let deepest = 0;
  for (const leaf of declaration.values) {
    const named = looksLikeAddress(leaf.text) ? undefined : pending.get(leaf.text);
    if (named?.state === "busy" && !lists.has(leaf.text)) {
      named.isReported = true;
      report(
        scope,
        leaf,
        "syntax/cyclic-list",
        { name: leaf.text },
        { help: "a list may name other lists, not itself" },
      );
      continue;
    }
    if (named !== undefined) resolveList(leaf.text, pending, lists, depth + 1);
    const below = named === undefined ? 0 : (lists.get(leaf.text)?.depth ?? deepestList);
    if (below >= deepestList) {
      if (named !== undefined) named.isReported = true;
      report(scope, leaf, "syntax/list-limit", { reason: `lists name each other more than ${deepestList} deep` });
      continue;
    }
    deepest = Math.max(deepest, below);
    for (const member of membersOf(scope, leaf)) members.set(`${member.prefix.text} ${member.isAddress}`, member);
  }
  const values = [...members.values()];
  lists.set(name, {
    name: declaration.name,
    origin: locate(scope, declaration.name),
    members: values,
    prefixes: values.map((member) => member.prefix),
    depth: deepest + 1,
    used: item.isReported,
  });
}

function namedList(scope: Scope, leaf: Leaf): NamedList | null {
  const list = scope.lists.get(leaf.text);
  if (list !== undefined) {
    list.used = true;
    return list;
  }
  // Comparing with all names is dear, and nobody reads the hundredth suggestion.
  if (scope.diagnostics.length > mostErrors) return null;
  const help = /[A-Za-z]\.[A-Za-z]/.test(leaf.text)
    ? "host names are not looked up; write addresses"
    : (didYouMean(leaf.text, scope.lists.keys()) ?? `declare it: let ${leaf.text} = 192.0.2.0/24`);
  return report(scope, leaf, "syntax/unknown-list", { name: leaf.text }, { help });
}

function prefixValue(scope: Scope, leaf: Leaf): Prefix | null {
  const prefix = parsePrefix(leaf.text);
  return prefix.ok ? prefix.value : report(scope, leaf, "syntax/prefix", { reason: prefix.reason });
}

function membersOf(scope: Scope, leaf: Leaf): readonly ListMember[] {
  if (looksLikeAddress(leaf.text)) {
    const prefix = prefixValue(scope, leaf);
    return prefix === null ? noMembers : [{ prefix, isAddress: !leaf.text.includes("/") }];
  }
  const members = namedList(scope, leaf)?.members ?? noMembers;
  scope.budget.left -= members.length;
  if (scope.budget.left >= 0) return members;
  report(scope, leaf, "syntax/list-limit", {
    reason: `the lists of this file stand for more than ${mostValues} values`,
  });
  return noMembers;
}

/** Prefixes, with addresses as prefixes of full length and named lists taken in. */
export function prefixesValue(scope: Scope, leaves: readonly Leaf[]): readonly Prefix[] {
  const [only] = leaves;
  if (leaves.length === 1 && only !== undefined && !looksLikeAddress(only.text)) {
    return namedList(scope, only)?.prefixes ?? [];
  }
  return leaves.flatMap((leaf) => membersOf(scope, leaf).map((member) => member.prefix));
}

export interface PlacedAddress {
  readonly address: IpAddress;
  /** Where it is written, or the name of the list that holds it. */
  readonly leaf: Leaf;
}

/** Addresses alone, with named lists taken in. */
export function addressesValue(scope: Scope, leaves: readonly Leaf[]): readonly PlacedAddress[] {
  const result: PlacedAddress[] = [];
  for (const leaf of leaves) {
    if (looksLikeAddress(leaf.text)) {
      const address = addressValue(scope, leaf);
      if (address !== null) result.push({ address, leaf });
      continue;
    }
    for (const { prefix, isAddress } of membersOf(scope, leaf)) {
      if (isAddress) result.push({ address: prefix.address, leaf });
      else {
        const reason = `list ${leaf.text} holds ${prefix.text}, and only addresses can stand here`;
        report(scope, leaf, "syntax/address", { reason });
      }
    }
  }
  return result;
}

/** A list that nothing uses is a warning: the author meant to use it, or forgot to delete it. */
export function reportUnusedLists(scope: Scope): void {
  for (const { name, used, origin } of scope.lists.values()) {
    if (used) continue;
    report({ ...scope, start: origin.start - name.start }, name, "syntax/unused-list", { name: name.text });
  }
}
