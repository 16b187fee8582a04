import type { Span, Token } from "../../grammar/tokens.ts";
import { hiddenCharacter } from "../../grammar/tokens.ts";
import { clusterWords, declarationWords, nodeWords, serviceWords } from "../../grammar/vocabulary.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import type { Refusal, StartSymbol } from "./derive.ts";
import { alternatives, describeExpected, type Expected, mayBeQuoted } from "./expected.ts";
import { type Finding, finding } from "./finding.ts";

/** A word longer than this is named as such instead of being shown. */
const longestWord = 1024;

interface Place {
  readonly words: readonly string[];
  readonly phrase: string;
}

const places: Readonly<Record<StartSymbol, Place>> = {
  declaration: { words: declarationWords, phrase: "outside of blocks" },
  cluster_line: { words: clusterWords, phrase: "in a cluster block" },
  node_line: { words: nodeWords, phrase: "in a node block" },
  service_line: { words: serviceWords, phrase: "in a service block" },
};

/** The first word of a line is none of those that its place knows; null when it is. */
export function explainFirstWord(start: StartSymbol, token: Token): Finding | null {
  const { words, phrase } = places[start];
  if (token.kind === "punctuation" || words.includes(token.text)) return null;
  const home = Object.values(places).find((place) => place.words.includes(token.text));
  const near = didYouMean(token.text, words);
  const list = `lines ${phrase} begin with ${alternatives(words.map((word) => `\`${word}\``))}`;
  const help = home === undefined ? (near ?? list) : `\`${token.text}\` stands ${home.phrase}`;
  return finding("syntax/unknown-statement", { word: token.text, place: phrase }, { at: token, help });
}

function describeFound(token: Token | undefined): string {
  if (token === undefined) return "end of line";
  if (token.kind === "string") return `string "${token.text}"`;
  if (token.kind === "number") return `number ${token.text}`;
  return `\`${token.text}\``;
}

/** Where the line ends: behind its last token. */
function endOf(tokens: readonly Token[]): Span {
  const end = tokens.at(-1)?.end ?? 0;
  return { start: end, end };
}

export function explainRefusal(start: StartSymbol, tokens: readonly Token[], refusal: Refusal): Finding {
  const found = tokens[refusal.at];
  const ending = refusal.mayEnd ? ["the end of the line"] : [];
  const values = refusal.expected.filter((item) => item.literal === null);
  const literals = refusal.expected.filter((item) => item.literal !== null);
  const expected =
    refusal.at === 0
      ? `a line as they stand ${places[start].phrase}`
      : alternatives([...[...values, ...literals].map(describeExpected), ...ending]);
  const help = found === undefined ? undefined : helpFor(found, literals, values);
  return finding("syntax/unexpected", { found: describeFound(found), expected }, { at: found ?? endOf(tokens), help });
}

function helpFor(found: Token, literals: readonly Expected[], values: readonly Expected[]): string | undefined {
  const words = literals.flatMap((item) => item.literal ?? []);
  const quotable = values.some((item) => mayBeQuoted(item.rule));
  if (found.kind === "keyword" && quotable) {
    return `\`${found.text}\` is a word of the language; as a name it is written "${found.text}"`;
  }
  if (found.kind === "keyword" && values.some((item) => item.rule === "list_name")) {
    return `\`${found.text}\` is a word of the language; choose another name`;
  }
  if (found.kind === "string" && (values.length > 0 || words.includes(found.text))) {
    return /^[!-~]+$/.test(found.text) ? `write ${found.text} without quotes` : undefined;
  }
  if (found.kind === "word" && values.some((item) => item.rule === "file_pattern")) return `write "${found.text}"`;
  return found.kind === "word" || found.kind === "keyword" ? didYouMean(found.text, words) : undefined;
}

function codePoint(text: string): string {
  return `U+${(text.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** A token that no line may contain; null for all others. */
export function explainToken(token: Token): Finding | null {
  if (token.end - token.start > longestWord) {
    return finding("syntax/word-too-long", { length: token.end - token.start, limit: longestWord }, { at: token });
  }
  if (token.kind === "unclosed") {
    return finding("syntax/unclosed-string", undefined, {
      at: token,
      help: "a string ends with a quote on the same line",
    });
  }
  if (token.kind !== "bad") return null;
  if (hiddenCharacter.test(token.text)) {
    const help = "characters that cannot be seen are not allowed, in comments either: delete it";
    return finding("syntax/hidden-character", { character: codePoint(token.text) }, { at: token, help });
  }
  const shown = /^[\x21-\x7e]$/.test(token.text) ? `\`${token.text}\`` : `${codePoint(token.text)}`;
  return finding("syntax/bad-character", { character: shown }, { at: token, help: characterHelp(token.text) });
}

function characterHelp(text: string): string | undefined {
  if (text === ";") return "a statement ends with its line, without `;`";
  if (text === "'") return 'strings are written in double quotes: "name"';
  if (text === "(" || text === ")") return "blocks are written in braces, lists with commas";
  if (text === "@" || text === "!" || text === "$") return "names are made of letters, digits, `-`, `_` and `.`";
  return /^[\x21-\x7e]$/.test(text) ? undefined : "outside of comments the language uses ASCII alone";
}

export function isDeclarationWord(token: Token | undefined): boolean {
  return token?.kind === "keyword" && declarationWords.some((word) => word === token.text);
}
