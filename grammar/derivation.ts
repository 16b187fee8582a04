import type { Span, Token } from "./tokens.ts";

/**
 * A line's parse, before it has a text. The grammar sees shapes of tokens only, so two lines of the same shape have the
 * same parse: it is found once, kept as a derivation over token positions, and filled in with each line's tokens.
 */
export type Derivation = Composite | Chain | number | null;

// biome-ignore lint/suspicious/noExplicitAny: each production passes what its builder declares; tests build every node
type Builder = (...parts: any[]) => unknown;

interface Composite {
  readonly kind: "composite";
  readonly build: Builder;
  readonly parts: readonly Derivation[];
  /** The builder's first argument is the span of the whole line. */
  readonly spansLine: boolean;
}

/**
 * A list from its end. Linked, because while nearley reads on, a shorter list is still part of other states: pushing
 * would change them, and copying, as its own `:*` does, is quadratic.
 */
interface Chain {
  readonly kind: "chain";
  readonly before: Chain | null;
  readonly last: Derivation;
  readonly length: number;
}

/** What nearley hands to a postprocessor for a terminal: `index` is the token's place in its line. */
export interface IndexedToken {
  readonly kind: "token";
  readonly type: string;
  readonly text: string;
  readonly value: string;
  readonly index: number;
}

type Part = Composite | Chain | IndexedToken | number | null;
type Postprocessor = (parts: readonly Part[]) => Derivation;

function settle(part: Part | undefined): Derivation {
  if (part === undefined || part === null || typeof part === "number") return part ?? null;
  return part.kind === "token" ? part.index : part;
}

/** A node made by `build` from the symbols at `picks`. */
export function part(build: Builder, ...picks: readonly number[]): Postprocessor {
  return (parts) => ({ kind: "composite", build, parts: picks.map((at) => settle(parts[at])), spansLine: false });
}

/** The same for the node of a whole line: `build` gets the line's span first. */
export function line(build: Builder, ...picks: readonly number[]): Postprocessor {
  return (parts) => ({ kind: "composite", build, parts: picks.map((at) => settle(parts[at])), spansLine: true });
}

/** The symbol at `at` itself. */
export function only(at: number): Postprocessor {
  return (parts) => settle(parts[at]);
}

/** A list of the one symbol at `at`. */
export function first(at: number): Postprocessor {
  return (parts) => ({ kind: "chain", before: null, last: settle(parts[at]), length: 1 });
}

/** No value, and the beginning of a list that may stay empty. */
export function nothing(): Derivation {
  return null;
}

/** The list at 0 with the symbol at `at` behind it; no list yet is an empty one. */
export function append(at: number): Postprocessor {
  return (parts) => {
    const before = settle(parts[0]);
    if (before !== null && (typeof before === "number" || before.kind !== "chain")) {
      throw new TypeError("append needs a list");
    }
    return { kind: "chain", before, last: settle(parts[at]), length: (before?.length ?? 0) + 1 };
  };
}

/** The value that a derivation stands for, with these tokens in the places of its positions. */
export function fillIn(derivation: Derivation, tokens: readonly Token[], span: Span): unknown {
  if (derivation === null) return null;
  if (typeof derivation === "number") return tokens[derivation];
  if (derivation.kind === "chain") {
    const values = new Array<unknown>(derivation.length);
    let at = derivation.length;
    for (let link: Chain | null = derivation; link !== null; link = link.before) {
      values[--at] = fillIn(link.last, tokens, span);
    }
    return values;
  }
  const values: unknown[] = derivation.spansLine ? [span] : [];
  for (const item of derivation.parts) values.push(fillIn(item, tokens, span));
  return derivation.build(...values);
}
