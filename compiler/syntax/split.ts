import type { Span } from "../../grammar/nodes.ts";

const byteOrderMark = "\ufeff";
const declarationStart = /(?:let|include|cluster|node|service|expect)(?![A-Za-z0-9_.*/:-])/y;
const blockStart = /[ \t]*(?:cluster|node|service)(?![A-Za-z0-9_.*/:-])/y;
const quoteOrLineEnd = /["\n]/g;
const outside = /["#{}\n]/g;
const inside = /["#{}]|\n(?=(?:let|include|cluster|node|service|expect)[ \t{])/g;

function matchesAt(pattern: RegExp, text: string, at: number): boolean {
  pattern.lastIndex = at;
  return pattern.test(text);
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end === -1 ? text.length : end + 1;
}

/** Where a string that begins before `at` ends: behind its closing quote, or at the end of the line without one. */
function stringEnd(text: string, at: number): number {
  quoteOrLineEnd.lastIndex = at;
  const hit = quoteOrLineEnd.exec(text);
  if (hit === null) return text.length;
  return hit[0] === "\n" ? hit.index : hit.index + 1;
}

function lastCharacter(text: string, from: number, to: number): string {
  let at = to - 1;
  while (at >= from && /\s/.test(text[at] ?? "")) at--;
  return at < from ? "" : (text[at] ?? "");
}

/** The end of a block whose braces are counted from `at`; a declaration in the first column ends it too. */
function blockEnd(text: string, at: number): number {
  let depth = 0;
  let from = at;
  for (;;) {
    inside.lastIndex = from;
    const hit = inside.exec(text);
    if (hit === null) return text.length;
    from = hit.index + 1;
    if (hit[0] === "#") from = Math.max(from, lineEnd(text, from) - 1);
    else if (hit[0] === '"') from = stringEnd(text, from);
    else if (hit[0] === "{") depth++;
    else if (hit[0] === "}" && --depth <= 0) return lineEnd(text, from);
    else if (hit[0] === "\n") return from;
  }
}

/** The end of the declaration, with its line ending; `at` is the start of a line. */
function declarationEnd(text: string, at: number): number {
  let lineStart = at;
  let from = at;
  let continues = false;
  let seen = false;
  for (;;) {
    if (from === lineStart && !continues && matchesAt(blockStart, text, lineStart)) return blockEnd(text, lineStart);
    outside.lastIndex = from;
    const hit = outside.exec(text);
    if (hit === null) return text.length;
    from = hit.index + 1;
    const before = lastCharacter(text, lineStart, hit.index);
    if (before !== "") {
      seen = true;
      continues = before === ",";
    }
    if (hit[0] === '"') {
      seen = true;
      continues = false;
      from = stringEnd(text, from);
    } else if (hit[0] === "{") return blockEnd(text, hit.index);
    else if (hit[0] === "}") return lineEnd(text, from);
    else {
      from = lineStart = hit[0] === "#" ? lineEnd(text, from) : from;
      if (seen && !continues) return from;
      if (seen && matchesAt(declarationStart, text, from)) return from;
      if (from >= text.length) return from;
    }
  }
}

/**
 * Cuts a text into parts that are parsed by themselves: one declaration each, with the comments and blank lines before it.
 * The parts cover the text without gaps. A declaration in the first column begins a part even where braces are missing,
 * so that one forgotten brace does not spoil the rest of a file. One pass over the text.
 */
export function splitDeclarations(text: string): readonly Span[] {
  const parts: Span[] = [];
  let start = text.startsWith(byteOrderMark) ? 1 : 0;
  while (start < text.length) {
    const end = declarationEnd(text, start);
    parts.push({ start, end });
    start = end;
  }
  return parts;
}
