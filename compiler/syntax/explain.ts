import type { Span, Token } from "../../grammar/tokens.ts";
import { hiddenCharacter } from "../../grammar/tokens.ts";
import { clusterWords, declarationWords, keywords, nodeWords, serviceWords } from "../../grammar/vocabulary.ts";
import type { Refusal, StartSymbol } from "./derive.ts";
import { alternatives, describeExpected } from "./expected.ts";
import { type Finding, finding } from "./finding.ts";
import { didYouMean } from "./suggest.ts";

/** Says of lines that do not parse what was found, what was expected, and what to write instead. */
export const longestWord = 1024;

interface Place {
  readonly words: readonly string[];
  /** `… does not begin a line in a service block`. */
  readonly phrase: string;
  readonly plural: string;
}

const places: Readonly<Record<StartSymbol, Place>> = {
  declaration: { words: declarationWords, phrase: "outside of blocks", plural: "a file" },
  cluster_line: { words: clusterWords, phrase: "of a cluster block", plural: "a cluster block" },
  node_line: { words: nodeWords, phrase: "of a node block", plural: "a node block" },
  service_line: { words: serviceWords, phrase: "of a service block", plural: "a service block" },
};

const homes: readonly (readonly [readonly string[], string])[] = [
  [declarationWords, "outside of blocks"],
  [serviceWords, "in a service block"],
  [clusterWords, "in the cluster block"],
  [nodeWords, "in a node block"],
];

/** The first word of a line is none of those that its place knows; null when it is. */
export function explainFirstWord(start: StartSymbol, token: Token): Finding | null {
  const place = places[start];
  if (token.kind === "punctuation" || place.words.includes(token.text)) return null;
  const home = token.kind === "keyword" ? homes.find(([words]) => words.includes(token.text)) : undefined;
  const near = didYouMean(token.text, place.words);
  const list = `${place.plural} has lines that begin with ${alternatives(place.words.map((word) => `\`${word}\``))}`;
  const help = home === undefined ? (near ?? list) : `\`${token.text}\` stands ${home[1]}`;
  return finding("syntax/unknown-statement", { word: token.text, place: place.phrase }, { at: token, help });
}

function describeFound(token: Token | undefined): string {
  if (token === undefined) return "end of line";
  if (token.kind === "string") return `string "${token.text}"`;
  if (token.kind === "number") return `number ${token.text}`;
  return `\`${token.text}\``;
}

/** Where the line ends: the last token's end, as an empty stretch behind it would underline nothing. */
function endOf(tokens: readonly Token[]): Span {
  const last = tokens.at(-1);
  return last === undefined ? { start: 0, end: 0 } : { start: last.end, end: last.end + 1 };
}

export function explainRefusal(start: StartSymbol, tokens: readonly Token[], refusal: Refusal): Finding {
  const found = tokens[refusal.at];
  const values = refusal.expected.filter((item) => item.literal === null);
  const literals = refusal.expected.flatMap((item) => (item.literal === null ? [] : [item.literal]));
  const ending = refusal.mayEnd ? ["the end of the line"] : [];
  const expected =
    refusal.at === 0
      ? `a line ${places[start].phrase}`
      : alternatives(
          [...values, ...refusal.expected.filter((item) => item.literal !== null)].map(describeExpected).concat(ending),
        );
  return finding(
    "syntax/unexpected",
    { found: describeFound(found), expected },
    { at: found ?? endOf(tokens), help: helpFor(found, literals, values.length > 0) },
  );
}

function helpFor(found: Token | undefined, literals: readonly string[], wantsValue: boolean): string | undefined {
  if (found === undefined) return undefined;
  if (found.kind === "keyword" && wantsValue)
    return `\`${found.text}\` is a word of the language; as a name it is written "${found.text}"`;
  if (found.kind === "string" && literals.includes(found.text)) return `write ${found.text} without quotes`;
  if (found.kind === "word" || found.kind === "keyword") return didYouMean(found.text, literals);
  return undefined;
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

/** Whether a name has to be written in quotes. */
export function isReserved(name: string): boolean {
  return keywords.has(name);
}
