import type { Span } from "../../grammar/nodes.ts";
import type { DiagnosticCode, ParametersOf } from "../diagnostics/codes.ts";
import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import type { Location } from "../source.ts";

/** More findings than this in one file help nobody; the rest is not looked for. */
export const mostErrors = 100;

/** A diagnostic whose places are relative to a chunk, so that a chunk can be parsed before its place is known. */
export interface Finding {
  readonly at: Span;
  readonly report: (locate: (span: Span) => Location) => Diagnostic;
}

export interface FindingDetails {
  readonly at: Span;
  readonly help?: string | undefined;
  readonly note?: { readonly message: string; readonly at: Span } | undefined;
}

export function finding<C extends DiagnosticCode>(
  code: C,
  parameters: ParametersOf<C>,
  { at, help, note }: FindingDetails,
): Finding {
  return {
    at,
    report: (locate) =>
      diagnostic(code, parameters, {
        at: locate(at),
        help,
        notes: note === undefined ? [] : [{ message: note.message, location: locate(note.at) }],
      }),
  };
}
