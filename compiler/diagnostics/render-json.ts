import { type Location, positionOf } from "../source.ts";
import type { Severity } from "./definition.ts";
import type { Diagnostic } from "./diagnostic.ts";

/** A place as the JSON formats give it: lines and columns from 1, columns in Unicode characters, end exclusive. */
export interface JsonPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly object: string | null;
}

export interface JsonDiagnostic {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly place: JsonPlace | null;
  readonly notes: readonly { readonly message: string; readonly place: JsonPlace }[];
  readonly help: string | null;
}

export interface DiagnosticCounts {
  readonly errors: number;
  readonly warnings: number;
  readonly notes: number;
}

export function countDiagnostics(diagnostics: readonly Diagnostic[]): DiagnosticCounts {
  const count = (severity: Severity): number => diagnostics.filter((finding) => finding.severity === severity).length;
  return { errors: count("error"), warnings: count("warning"), notes: count("note") };
}

export function jsonPlace(location: Location): JsonPlace {
  const start = positionOf(location.file, location.start);
  const end = positionOf(location.file, Math.max(location.start, location.end));
  return {
    file: location.file.path,
    ...start,
    endLine: end.line,
    endColumn: end.column,
    object: location.object ?? null,
  };
}

export function jsonDiagnostic(finding: Diagnostic): JsonDiagnostic {
  return {
    code: finding.code,
    severity: finding.severity,
    message: finding.message,
    place: finding.location === null ? null : jsonPlace(finding.location),
    notes: finding.notes.map((note) => ({ message: note.message, place: jsonPlace(note.location) })),
    help: finding.help,
  };
}

/** `{"diagnostics": […], "errors": n, "warnings": n, "notes": n}`, indented, with a line break at the end. */
export function renderJson(diagnostics: readonly Diagnostic[]): string {
  const document = { diagnostics: diagnostics.map(jsonDiagnostic), ...countDiagnostics(diagnostics) };
  return `${JSON.stringify(document, null, 2)}\n`;
}
