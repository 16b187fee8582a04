import { compareNumbers, compareText, firstDifference } from "../net/order.ts";
import type { Location } from "../source.ts";
import { codes, type DiagnosticCode, type ParametersOf } from "./codes.ts";
import type { DiagnosticDefinition, Severity } from "./definition.ts";

/** Another place that a finding involves, with a short label. */
export interface DiagnosticNote {
  readonly message: string;
  readonly location: Location;
}

/** One finding. Without a location it concerns the whole run. */
export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly severity: Severity;
  readonly message: string;
  readonly location: Location | null;
  readonly notes: readonly DiagnosticNote[];
  readonly help: string | null;
}

export interface DiagnosticDetails {
  readonly at: Location | null;
  readonly notes?: readonly DiagnosticNote[] | undefined;
  readonly help?: string | undefined;
}

/** Makes a finding of a declared code; the parameters are those of the code's message. */
export function diagnostic<C extends DiagnosticCode>(
  code: C,
  parameters: ParametersOf<C>,
  details: DiagnosticDetails,
): Diagnostic {
  const definition: DiagnosticDefinition = codes[code];
  return {
    code,
    severity: definition.severity,
    message: definition.message(parameters),
    location: details.at,
    notes: details.notes ?? [],
    help: details.help ?? null,
  };
}

/** By file in the order given, then by place, then by code; findings without a place come last. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...diagnostics].sort((a, b) => {
    if (a.location === null || b.location === null) {
      return compareNumbers(a.location === null ? 1 : 0, b.location === null ? 1 : 0) || compareText(a.code, b.code);
    }
    return firstDifference(
      compareText(a.location.file.path, b.location.file.path),
      compareNumbers(a.location.start, b.location.start),
      compareText(a.code, b.code),
      compareText(a.message, b.message),
    );
  });
}

/** Adds findings to others. There may be one for each line of a large file, more than a call takes as arguments. */
export function addAll(diagnostics: Diagnostic[], more: readonly Diagnostic[]): void {
  for (const finding of more) diagnostics.push(finding);
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((finding) => finding.severity === "error");
}
