import moo from "moo";
import { choices, keywords } from "./vocabulary.ts";

/** A stretch of text by offsets in UTF-16 units, `end` exclusive; inside a tree relative to its chunk's start. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type TokenKind =
  /** A word of the language. */
  | "keyword"
  /** Anything else without blanks: names, addresses, prefixes, durations, ranges. */
  | "word"
  | "number"
  | "percent"
  | "string"
  | "punctuation"
  /** A string without its closing quote. */
  | "unclosed"
  /** Characters that the language does not use. */
  | "bad";

export interface Token extends Span {
  readonly kind: TokenKind;
  /** Without the quotes of a string. */
  readonly text: string;
  /** What the grammar sees of it: the text of keywords, choices and punctuation, else the kind. Lines of equal shapes parse alike. */
  readonly shape: string;
}

/**
 * Controls, line separators and the marks that reorder text on a screen (U+202A to U+202E, U+2066 to U+2069):
 * a reviewer could not see them. Refused everywhere, in comments too.
 */
const hidden = "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069\\ufeff";

export const hiddenCharacter: RegExp = new RegExp(`[${hidden}]`);

/**
 * Blanks after a token belong to its match, which halves the number of matches. Ends of lines take blank lines and
 * the next line's indentation with them. Nothing throws: characters without a meaning become `bad`, and repeated
 * groups are bounded, because the engine keeps a step for each repetition and gives up after some ten million.
 */
export const lexer: moo.Lexer = moo.compile({
  newline: { match: /\r?\n(?:[ \t]|\r?\n){0,65536}/, lineBreaks: true },
  word: /(?:[A-Za-z0-9_.*/%+[\]]|-(?!>)|::|:(?=[A-Za-z0-9_.*/%+[\]])){1,65536}[ \t]*/,
  comment: new RegExp(`#[^\\r\\n${hidden}]*(?:\\r(?!\\n)[^\\r\\n${hidden}]*){0,65536}`),
  punctuation: /(?:->|[{},=:])[ \t]*/,
  string: new RegExp(`"[^"\\r\\n${hidden}]*"[ \\t]*`),
  unclosed: new RegExp(`"[^"\\r\\n${hidden}]*`),
  blank: /[ \t]+/,
  bad: /[\uD800-\uDBFF][\uDC00-\uDFFF]|[^\n]/,
});

const shapes: ReadonlyMap<string, string> = new Map([...keywords, ...choices].map((word) => [word, word]));
const digits = /^[0-9]+$/;
const zeroCode = 48;
const nineCode = 57;
const percentCode = 37;

function withoutBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && (text.charCodeAt(end - 1) === 32 || text.charCodeAt(end - 1) === 9)) end--;
  return end === text.length ? text : text.slice(0, end);
}

function wordToken(text: string, start: number): Token {
  const end = start + text.length;
  const first = text.charCodeAt(0);
  if (first >= zeroCode && first <= nineCode) {
    if (text.charCodeAt(text.length - 1) === percentCode)
      return { kind: "percent", text, start, end, shape: "%percent" };
    if (digits.test(text)) return { kind: "number", text, start, end, shape: "%number" };
    return { kind: "word", text, start, end, shape: "%word" };
  }
  const shape = shapes.get(text);
  if (shape === undefined) return { kind: "word", text, start, end, shape: "%word" };
  return { kind: keywords.has(text) ? "keyword" : "word", text, start, end, shape };
}

/** The token of one match of the lexer that is neither blank, comment nor end of line. */
export function tokenOf(match: moo.Token): Token {
  const text = withoutBlanks(match.text);
  const start = match.offset;
  const end = start + text.length;
  switch (match.type) {
    case "word":
      return wordToken(text, start);
    case "punctuation":
      return { kind: "punctuation", text, start, end, shape: text };
    case "string":
      return { kind: "string", text: text.slice(1, -1), start, end, shape: "%string" };
    case "unclosed":
      return { kind: "unclosed", text, start, end, shape: "%unclosed" };
    default:
      return { kind: "bad", text: match.text, start, end: start + match.text.length, shape: "%bad" };
  }
}
