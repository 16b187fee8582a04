import { ParseError } from "../text.ts";
import { unreadableKey } from "./delta-elements.ts";
import { unreadableName } from "./delta-table.ts";
import { drop } from "./expressions.ts";
import { isOwnName, tableName } from "./names.ts";
import { sortTable } from "./order.ts";
import { parseNftables } from "./parse.ts";
import type { AnyNftSet, NftChain, NftFamily, NftTable } from "./program.ts";

/** What is in a table of weir's that weir did not write. */
export interface NftForeignPart {
  /** `table ip weir`, `chain ip weir services`, `map ip weir pool`. */
  readonly place: string;
  readonly text: string;
}

export interface ReadTable {
  readonly table: NftTable;
  readonly foreign: readonly NftForeignPart[];
}

/**
 * Reads what `nft list table` prints of one table of weir's, whatever others have put into it. What weir cannot read
 * leaves a trace that no program of weir's has, so that a delta from here mends it: an empty rule in the chain, an
 * element without a key in the set, a set of the name `?` in the table. Objects with names that are not weir's are in
 * the table as far as they can be read.
 * Throws ParseError when it is not a listing at all.
 */
export function readListing(family: NftFamily, listing: string): ReadTable {
  const whole = parseWhole(family, listing);
  if (whole !== null && [...whole.sets, ...whole.chains].every(({ name }) => isOwnName(name))) {
    return { table: whole, foreign: [] };
  }
  return readPieces(family, listing);
}

function parseWhole(family: NftFamily, text: string): NftTable | null {
  try {
    return parseNftables(text).tables.find((table) => table.family === family) ?? null;
  } catch (error) {
    if (error instanceof ParseError) return null;
    throw error;
  }
}

/** What a text is read as that cannot be read at all. */
export function unreadableTable(family: NftFamily): NftTable {
  return { family, name: tableName, sets: [shapeless("set", unreadableName)], chains: [] };
}

/** An object of a table: its lines as they are listed. */
type Piece = readonly string[];

/** The objects of a table: each begins at one tab and ends with a brace there. */
function piecesOf(listing: string): readonly Piece[] {
  const lines = listing.split("\n");
  const start = lines.findIndex((line) => line.startsWith("table "));
  if (start === -1) throw new ParseError("expected a table", 1);
  const pieces: Piece[] = [];
  let open: string[] | null = null;
  for (let at = start + 1; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (open === null) {
      if (line === "}") return pieces;
      if (line.trim() === "") continue;
      if (line.endsWith("{")) open = [line];
      else pieces.push([line]);
      continue;
    }
    open.push(line);
    if (line !== "\t}") continue;
    pieces.push(open);
    open = null;
  }
  throw new ParseError("the table is not closed", lines.length);
}

function textOf(piece: Piece): string {
  return piece.map((line) => line.replace(/^\t/, "")).join("\n");
}

/** What nft takes as a name without quotes; by netlink others could be made, which no command can name. */
const nameable = /^[a-zA-Z][\w./-]*$/;

function readPieces(family: NftFamily, listing: string): ReadTable {
  const table = `${family} ${tableName}`;
  const [sets, chains]: [AnyNftSet[], NftChain[]] = [[], []];
  const foreign: NftForeignPart[] = [];
  const marked = new Set<string>();
  let isWhole = true;
  for (const piece of piecesOf(listing)) {
    const [, word = "", name = ""] = /^\t(chain|set|map) (\S+) \{$/.exec(piece[0] ?? "") ?? [];
    const isOwn = isOwnName(name);
    if (!isOwn) foreign.push({ place: `table ${table}`, text: textOf(piece) });
    const tell = (text: string): void => {
      if (isOwn) foreign.push({ place: `${word} ${table} ${name}`, text: text.trim() });
    };
    if (!nameable.test(name)) isWhole = false;
    else if (word === "chain") chains.push(readChain(family, name, piece, tell));
    else sets.push(readSet(family, word === "map" ? "map" : "set", name, piece, tell, marked));
  }
  if (!isWhole) sets.push(shapeless("set", unreadableName));
  const sorted = sortTable({ family, name: tableName, sets, chains });
  return { table: { ...sorted, sets: sorted.sets.map((set) => (marked.has(set.name) ? mark(set) : set)) }, foreign };
}

function parsePiece(family: NftFamily, piece: Piece): NftTable | null {
  return parseWhole(family, `table ${family} ${tableName} {\n${piece.join("\n")}\n}\n`);
}

/** Rule by rule where the chain as a whole cannot be read. */
function readChain(family: NftFamily, name: string, piece: Piece, tell: (text: string) => void): NftChain {
  const whole = parsePiece(family, piece)?.chains[0];
  if (whole !== undefined) return whole;
  const [open = "", ...rest] = piece.slice(0, -1);
  const isBase = rest[0]?.startsWith("\t\ttype ") === true;
  const head = parsePiece(family, [open, ...(isBase ? rest.slice(0, 1) : []), "\t}"])?.chains[0];
  if (head === undefined) {
    tell(rest.join("\n"));
    return { kind: "regular", name, rules: [[]] };
  }
  const rules = rest.slice(isBase ? 1 : 0).map((line) => {
    const rule = parsePiece(family, [open, line, "\t}"])?.chains[0]?.rules[0];
    if (rule === undefined) tell(line);
    return rule ?? [];
  });
  return { ...head, rules };
}

/** Element by element where the set as a whole cannot be read; then its name is put into `marked`. */
function readSet(
  family: NftFamily,
  kind: "set" | "map",
  name: string,
  piece: Piece,
  tell: (text: string) => void,
  marked: Set<string>,
): AnyNftSet {
  const parse = (lines: Piece): AnyNftSet | null => parsePiece(family, lines)?.sets[0] ?? null;
  const whole = parse(piece);
  if (whole !== null) return whole;
  const opening = piece.findIndex((line) => line.startsWith(elementsOpen));
  const head = opening === -1 ? null : parse([...piece.slice(0, opening), "\t}"]);
  if (head === null) {
    tell(textOf(piece));
    return shapeless(kind, name);
  }
  const withElements = (elements: readonly string[]): AnyNftSet | null =>
    parse([...piece.slice(0, opening), `${elementsOpen}${elements.join(",\n")} }`, "\t}"]);
  const readable: string[] = [];
  const sort = (elements: readonly string[]): void => {
    if (elements.length === 0) return;
    if (withElements(elements) !== null) {
      for (const element of elements) readable.push(element);
    } else if (elements.length === 1) {
      tell(elements[0] ?? "");
    } else {
      const middle = elements.length >> 1;
      sort(elements.slice(0, middle));
      sort(elements.slice(middle));
    }
  };
  sort(elementTexts(piece.slice(opening, -1).join("\n")));
  marked.add(name);
  return withElements(readable) ?? head;
}

const elementsOpen = "\t\telements = {";

/** Between the braces; commas inside a comment do not part elements. */
function elementTexts(text: string): readonly string[] {
  const inside = text.slice(elementsOpen.length, text.lastIndexOf("}"));
  return (inside.match(/(?:"[^"]*"|[^,"])+/g) ?? []).map((element) => element.trim());
}

/** A set whose type is not known; differs from every set of weir's. */
function shapeless(kind: "set" | "map", name: string): AnyNftSet {
  const base = { name, key: [], interval: false, elements: [] };
  return kind === "set" ? { kind, ...base } : { kind, ...base, data: [] };
}

/** Puts an element in front that no set of weir's has. */
function mark(set: AnyNftSet): AnyNftSet {
  switch (set.kind) {
    case "set":
      return { ...set, elements: [{ key: unreadableKey, comment: null }, ...set.elements] };
    case "map":
      return { ...set, elements: [{ key: unreadableKey, data: [] }, ...set.elements] };
    case "verdict-map":
      return { ...set, elements: [{ key: unreadableKey, verdict: drop, comment: null }, ...set.elements] };
    default:
      return set;
  }
}
