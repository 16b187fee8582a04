import nearley, { type Lexer } from "nearley";
import type { Derivation, IndexedToken } from "../../grammar/derivation.ts";
import grammar from "../../grammar/service.generated.ts";
import type { Token } from "../../grammar/tokens.ts";
import { assert } from "../result.ts";
import type { Expected } from "./expected.ts";

export type StartSymbol = "declaration" | "cluster_line" | "node_line" | "service_line";

/** A line that the grammar does not accept: `at` is the first token that does not fit, or one past the last. */
export interface Refusal {
  readonly kind: "refusal";
  readonly at: number;
  readonly expected: readonly Expected[];
  /** The line could have ended before that token. */
  readonly mayEnd: boolean;
}

interface ParserState {
  readonly rule: { readonly name: string; readonly symbols: readonly unknown[] };
  readonly dot: number;
  readonly reference: number;
}

const compiled: Record<StartSymbol, nearley.Grammar> = {
  declaration: grammarFrom("declaration"),
  cluster_line: grammarFrom("cluster_line"),
  node_line: grammarFrom("node_line"),
  service_line: grammarFrom("service_line"),
};

function grammarFrom(start: StartSymbol): nearley.Grammar {
  return nearley.Grammar.fromCompiled({ ...grammar, Lexer: undefined, ParserStart: start });
}

/** A lexer that hands nearley the tokens of one line, one by one. */
function lexerOf(tokens: readonly IndexedToken[]): Lexer {
  let next = 0;
  return {
    reset() {
      next = 0;
    },
    next() {
      return tokens[next++];
    },
    save: () => ({}),
    formatError: () => "",
  };
}

function statesOf(parser: nearley.Parser): readonly ParserState[] {
  const table: readonly { readonly states: readonly ParserState[] }[] = Reflect.get(parser, "table");
  return table[parser.current]?.states ?? [];
}

function refusalAt(parser: nearley.Parser, start: StartSymbol): Refusal {
  const states = statesOf(parser);
  const expected: Expected[] = [];
  for (const { rule, dot } of states) {
    const symbol = rule.symbols[dot];
    if (typeof symbol !== "object" || symbol === null) continue;
    expected.push({ literal: "literal" in symbol ? String(symbol.literal) : null, rule: rule.name });
  }
  const mayEnd = states.some(
    (state) => state.rule.name === start && state.dot === state.rule.symbols.length && state.reference === 0,
  );
  return { kind: "refusal", at: parser.current, expected, mayEnd };
}

function parseShape(start: StartSymbol, tokens: readonly Token[]): Derivation | Refusal {
  const indexed = tokens.map(
    ({ kind, shape }, index): IndexedToken => ({ kind: "token", type: kind, text: shape, value: shape, index }),
  );
  const parser = new nearley.Parser(compiled[start], { lexer: lexerOf(indexed) });
  try {
    parser.feed("");
  } catch (error) {
    // nearley marks its own errors, for a token that does not fit, with the token's offset.
    if (error instanceof Error && "offset" in error) return refusalAt(parser, start);
    throw error;
  }
  const results: readonly Derivation[] = parser.results;
  const [derivation] = results;
  if (derivation === undefined) return refusalAt(parser, start);
  assert(results.length === 1, `ambiguous line: ${tokens.map((token) => token.shape).join(" ")}`);
  return derivation;
}

/** Bounds of what is kept, so that a hostile text cannot fill the memory. Ordinary files have some fifty shapes. */
const longestKnown = 64;
const mostKnown = 4096;
const known = new Map<string, Derivation>();

/**
 * The one parse of a line, over token positions, or where and why there is none. Only shapes of tokens count, so the
 * parse of every shape is kept: a file of 200,000 lines needs some fifty runs of nearley.
 * Throws InternalError when a line has two parses, which would be a bug of the grammar.
 */
export function deriveLine(start: StartSymbol, tokens: readonly Token[]): Derivation | Refusal {
  let key: string = start;
  if (tokens.length > longestKnown) return parseShape(start, tokens);
  for (const token of tokens) key += ` ${token.shape}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const derivation = parseShape(start, tokens);
  if (!isRefusal(derivation) && known.size < mostKnown) known.set(key, derivation);
  return derivation;
}

export function isRefusal(value: Derivation | Refusal): value is Refusal {
  return typeof value === "object" && value !== null && value.kind === "refusal";
}
