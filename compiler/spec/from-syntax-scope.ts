import type { Leaf, Span } from "../../grammar/nodes.ts";
import type { DiagnosticCode, ParametersOf } from "../diagnostics/codes.ts";
import { type Diagnostic, type DiagnosticDetails, diagnostic } from "../diagnostics/diagnostic.ts";
import type { Prefix } from "../net/address.ts";
import type { Location, SourceFile } from "../source.ts";
import { mostErrors } from "../syntax/finding.ts";

/** One member of a `let` list: a prefix, and whether it was written as an address alone. */
export interface ListMember {
  readonly prefix: Prefix;
  readonly isAddress: boolean;
}

/** A `let` of the file; `members` are those of lists it names as well. */
export interface NamedList {
  readonly name: Leaf;
  readonly origin: Location;
  readonly members: readonly ListMember[];
  /** The members' prefixes: the same array for everyone who names the list alone. */
  readonly prefixes: readonly Prefix[];
  /** Lists that name lists that name lists. */
  readonly depth: number;
  used: boolean;
}

/** What the reading of one chunk knows: the file, where the chunk begins in it, the lists, and the findings so far. */
export interface Scope {
  readonly file: SourceFile;
  readonly start: number;
  readonly lists: ReadonlyMap<string, NamedList>;
  readonly diagnostics: Diagnostic[];
  readonly budget: ListBudget;
}

/** How many values the lists of a file may still stand for: a few lines can name a list a billion times over. */
export interface ListBudget {
  left: number;
}

export function locate(scope: Scope, span: Span): Location {
  return { file: scope.file, start: scope.start + span.start, end: scope.start + span.end };
}

/**
 * Reports a finding at a place of the chunk, unless there are more than enough. Returns null, for the value that is
 * missing now.
 */
export function report<C extends DiagnosticCode>(
  scope: Scope,
  at: Span,
  code: C,
  parameters: ParametersOf<C>,
  details: Omit<DiagnosticDetails, "at"> = {},
): null {
  if (scope.diagnostics.length > mostErrors) return null;
  scope.diagnostics.push(diagnostic(code, parameters, { ...details, at: locate(scope, at) }));
  return null;
}

/** The span from the beginning of one node to the end of another. */
export function spanning(first: Span, last: Span): Span {
  return { start: first.start, end: last.end };
}
