import type { SourceFile } from "../source.ts";
import type { Range } from "./places.ts";

/**
 * Cuts a file into its YAML documents at the lines that begin with `---` (YAML 1.2, 9.1.4: such a line ends a document
 * even inside a block scalar). A directive stays with the document it stands before.
 */
export function splitDocuments(file: SourceFile): readonly Range[] {
  const { text } = file;
  const parts: Range[] = [];
  let start = text.startsWith("\ufeff") ? 1 : 0;
  for (let line = start; line < text.length; ) {
    if (
      line > start &&
      text.startsWith("---", line) &&
      isSpaceOrEnd(text, line + 3) &&
      !isDirectivesOnly(text, start, line)
    ) {
      parts.push({ start, end: line });
      start = line;
    }
    const newline = text.indexOf("\n", line);
    line = newline === -1 ? text.length : newline + 1;
  }
  parts.push({ start, end: text.length });
  return parts.filter((part) => !isBlank(text, part));
}

function isSpaceOrEnd(text: string, at: number): boolean {
  return at >= text.length || /\s/.test(text[at] ?? "");
}

/** Blank lines, comments and at least one directive. */
function isDirectivesOnly(text: string, start: number, end: number): boolean {
  if (text[start] !== "%" && !text.slice(start, Math.min(end, start + 4096)).includes("\n%")) return false;
  return text
    .slice(start, end)
    .split("\n")
    .every((line) => line.startsWith("%") || /^\s*(?:#.*)?$/.test(line));
}

/** Only blanks, comments and document markers. */
function isBlank(text: string, part: Range): boolean {
  for (let line = part.start; line < part.end; ) {
    const newline = text.indexOf("\n", line);
    const end = newline === -1 || newline >= part.end ? part.end : newline;
    if (!/^(?:---|\.\.\.)?[ \t\r]*(?:#.*)?$/.test(text.slice(line, Math.min(end, line + 200)))) return false;
    line = end + 1;
  }
  return true;
}

/** A `kind: …List` document cut into its items: `items` are ranges that each hold one `- …` entry. */
export interface ListParts {
  readonly before: Range;
  readonly items: readonly Range[];
  readonly after: Range;
}

/** Anchors and aliases may refer from one item to another, so such a document must be read whole. */
const reference = /(?:^|[\s[{,:-])[&*][^\s&*]/m;
const listKind = /^kind:[ \t]*["']?[A-Za-z]*List["']?[ \t\r]*$/m;

/**
 * The items of a block-style list, by indentation alone, so that each can be read and forgotten by itself: the parser's
 * memory grows with the length of a document. Null when the document is not laid out as kubectl writes it.
 */
export function splitList(text: string, part: Range): ListParts | null {
  const items: Range[] = [];
  let before: Range | null = null;
  let indent = -1;
  let itemStart = -1;
  let end = part.end;
  for (let line = part.start; line < part.end; ) {
    const newline = text.indexOf("\n", line);
    const next = newline === -1 || newline >= part.end ? part.end : newline + 1;
    const content = firstContent(text, line, next);
    if (before === null) {
      if (text.startsWith("items:", line) && /^items:[ \t]*(?:#.*)?$/.test(text.slice(line, next).trimEnd())) {
        before = { start: part.start, end: line };
      }
    } else if (content !== null) {
      const column = content - line;
      const isEntry = text[content] === "-" && isSpaceOrEnd(text, content + 1);
      if (indent === -1 && isEntry) indent = column;
      if (isEntry && column === indent) {
        if (itemStart !== -1) items.push({ start: itemStart, end: line });
        itemStart = line;
      } else if (column <= indent || indent === -1) {
        if (column !== 0) return null;
        end = line;
        break;
      }
    }
    line = next;
  }
  if (before === null || itemStart === -1) return null;
  items.push({ start: itemStart, end });
  const after = { start: end, end: part.end };
  const header = `${text.slice(before.start, before.end)}\n${text.slice(after.start, after.end)}`;
  if (!listKind.test(header) || /^items:/m.test(header)) return null;
  return reference.test(text.slice(part.start, part.end)) ? null : { before, items, after };
}

/** Where a line's content begins; null for blank lines and comments. */
function firstContent(text: string, line: number, end: number): number | null {
  let at = line;
  while (at < end && text[at] === " ") at++;
  const first = text[at];
  return at >= end || first === "\n" || first === "\r" || first === "#" ? null : at;
}
