import { withoutCommonLines } from "../common-lines.ts";

/** Where the elements of one set stand: indexes of the line after `elements = {` and of the line that closes it. */
interface Block {
  readonly from: number;
  readonly to: number;
  /** Intervals are changed all at once, because the kernel refuses those that overlap. */
  readonly isInterval: boolean;
}

interface Split {
  readonly lines: readonly string[];
  /** By table and set, as the lines that open them. */
  readonly blocks: ReadonlyMap<string, Block>;
}

const opensElements = "\t\telements = {";
const closesElements = "\t\t}";
const beforeComment = ' comment "';

/**
 * Two rulesets as printNftables writes them, without the elements that both have, so that reading them takes time by
 * what changed: the delta of the results is the delta of the rulesets. Elements whose comment tells which service
 * others belong to stay where one of those others changed.
 */
export function withoutUnchangedElements(
  before: string,
  after: string,
): { readonly before: string; readonly after: string } {
  const [old, fresh] = [split(before), split(after)];
  const [oldRest, freshRest] = [new Map<string, readonly string[]>(), new Map<string, readonly string[]>()];
  const changed: string[] = [];
  for (const [name, block] of old.blocks) {
    const other = fresh.blocks.get(name);
    if (other === undefined) continue;
    const [ours, theirs] = [elementsOf(old, block), elementsOf(fresh, other)];
    const rest = withoutCommonLines(ours, theirs);
    if (block.isInterval && rest.before.length + rest.after.length > 0) continue;
    oldRest.set(name, rest.before);
    freshRest.set(name, rest.after);
    changed.push(...rest.before, ...rest.after);
  }
  const owners = ownersOf(changed);
  return {
    before: join(old, withOwners(old, oldRest, owners)),
    after: join(fresh, withOwners(fresh, freshRest, owners)),
  };
}

function elementsOf({ lines }: Split, { from, to }: Block): readonly string[] {
  return lines.slice(from, to);
}

function split(text: string): Split {
  const lines = text.split("\n");
  const blocks = new Map<string, Block>();
  let table = "";
  let set = "";
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (line.startsWith("table ")) table = line;
    else if (line.startsWith("\tmap ") || line.startsWith("\tset ")) set = line;
    else if (line === opensElements) {
      const from = at + 1;
      const isInterval = lines[at - 1]?.includes("flags interval") === true;
      while (at < lines.length && lines[at] !== closesElements) at++;
      blocks.set(`${table}${set}`, { from, to: at, isInterval });
    }
  }
  return { lines, blocks };
}

/** Every key that the keys of these elements begin with: a frontend's is the beginning of its slots' keys. */
function ownersOf(lines: readonly string[]): ReadonlySet<string> {
  const owners = new Set<string>();
  for (const line of lines) {
    // several elements may share a line
    for (const element of line.trim().split(", ")) {
      for (let at = element.indexOf(" . "); at !== -1; at = element.indexOf(" . ", at + 3)) {
        owners.add(element.slice(0, at));
      }
    }
  }
  return owners;
}

/** What is left of each set, and its elements with comments that are owners of what is left anywhere. */
function withOwners(
  { lines, blocks }: Split,
  rest: ReadonlyMap<string, readonly string[]>,
  owners: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> {
  const all = new Map(rest);
  for (const [name, { from, to }] of blocks) {
    const left = rest.get(name);
    if (left === undefined || lines[from]?.includes(beforeComment) !== true) continue;
    const changed = new Set(left);
    const isOwner = (line: string): boolean => owners.has(line.slice(0, line.indexOf(beforeComment)).trim());
    all.set(
      name,
      lines.slice(from, to).filter((line) => changed.has(line) || isOwner(line)),
    );
  }
  return all;
}

/** The text again, with what is left of the elements of each set in `rest`. A set without elements has no list. */
function join({ lines, blocks }: Split, rest: ReadonlyMap<string, readonly string[]>): string {
  const pieces: (readonly string[])[] = [];
  let at = 0;
  for (const [name, { from, to }] of blocks) {
    const left = rest.get(name);
    if (left === undefined) continue;
    if (left.length > 0) pieces.push(lines.slice(at, from), left);
    else pieces.push(lines.slice(at, from - 1));
    at = left.length > 0 ? to : to + 1;
  }
  pieces.push(lines.slice(at));
  return pieces.map((piece) => piece.join("\n")).join("\n");
}
