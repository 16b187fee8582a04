import type { Chunk, Leaf, LetDeclaration } from "../../grammar/nodes.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { type IpAddress, isHostPrefix, type Prefix, parsePrefix } from "../net/address.ts";
import type { SourceFile } from "../source.ts";
import { didYouMean } from "../syntax/suggest.ts";
import { type ListMember, locate, type NamedList, report, type Scope } from "./from-syntax-scope.ts";
import { addressValue, looksLikeAddress, nameValue } from "./from-syntax-values.ts";

interface PendingList {
  readonly declaration: LetDeclaration;
  readonly scope: Scope;
  state: "new" | "busy";
  /** Named by itself: an error already, and not unused. */
  isCyclic: boolean;
}

/**
 * The `let` lists among parts of a file, with the lists they name taken in. A list is known in its own file only, wherever
 * in it: a file says by itself what it means.
 */
export function readLists(
  chunks: readonly Chunk[],
  file: SourceFile,
  diagnostics: Diagnostic[],
): ReadonlyMap<string, NamedList> {
  const lists = new Map<string, NamedList>();
  const pending = new Map<string, PendingList>();
  for (const chunk of chunks) {
    const scope: Scope = { file, start: chunk.start, lists, diagnostics };
    for (const { statement } of chunk.lines) {
      if (statement?.kind === "let") addPending(scope, statement, pending);
    }
  }
  for (const name of pending.keys()) resolveList(name, pending, lists);
  return lists;
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
    pending.set(name.text, { declaration, scope, state: "new", isCyclic: false });
    return;
  }
  const notes = [{ message: "first given here", location: locate(before.scope, before.declaration) }];
  report(scope, declaration, "syntax/repeated", { what: `list ${name.text}` }, { notes });
}

function resolveList(name: string, pending: Map<string, PendingList>, lists: Map<string, NamedList>): void {
  const item = pending.get(name);
  if (item === undefined || lists.has(name)) return;
  const { declaration, scope } = item;
  item.state = "busy";
  const members: ListMember[] = [];
  for (const leaf of declaration.values) {
    if (!looksLikeAddress(leaf.text)) {
      const named = pending.get(leaf.text);
      if (named?.state === "busy" && !lists.has(leaf.text)) {
        named.isCyclic = true;
        report(
          scope,
          leaf,
          "syntax/cyclic-list",
          { name: leaf.text },
          { help: "a list may name other lists, not itself" },
        );
        continue;
      }
      resolveList(leaf.text, pending, lists);
    }
    members.push(...membersOf(scope, leaf));
  }
  lists.set(name, { name: declaration.name, origin: locate(scope, declaration.name), members, used: item.isCyclic });
}

function membersOf(scope: Scope, leaf: Leaf): readonly ListMember[] {
  if (looksLikeAddress(leaf.text)) {
    const prefix = parsePrefix(leaf.text);
    if (prefix.ok) return [{ prefix: prefix.value, isAddress: !leaf.text.includes("/") }];
    report(scope, leaf, "syntax/prefix", { reason: prefix.reason });
    return [];
  }
  const list = scope.lists.get(leaf.text);
  if (list === undefined) {
    const help = /[A-Za-z]\.[A-Za-z]/.test(leaf.text)
      ? "host names are not looked up; write addresses"
      : (didYouMean(leaf.text, scope.lists.keys()) ?? `declare it: let ${leaf.text} = 192.0.2.0/24`);
    report(scope, leaf, "syntax/unknown-list", { name: leaf.text }, { help });
    return [];
  }
  list.used = true;
  return list.members;
}

/** Prefixes, with addresses as prefixes of full length and named lists taken in. */
export function prefixesValue(scope: Scope, leaves: readonly Leaf[]): readonly Prefix[] {
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
      if (isAddress && isHostPrefix(prefix)) result.push({ address: prefix.address, leaf });
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
