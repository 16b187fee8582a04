import type { DiagnosticCode, ParametersOf } from "../diagnostics/codes.ts";
import { type Diagnostic, type DiagnosticDetails, diagnostic } from "../diagnostics/diagnostic.ts";
import type { KubernetesObject } from "./objects.ts";
import { fieldName, type Path, shown } from "./places.ts";

/** Collects the findings about one object, each with its place. */
export interface Report {
  readonly object: KubernetesObject;
  readonly diagnostics: Diagnostic[];
}

/** Adds a finding about the value at `path` of the object. */
export function report<C extends DiagnosticCode>(
  to: Report,
  code: C,
  parameters: ParametersOf<C>,
  path: Path,
  details: Omit<DiagnosticDetails, "at"> = {},
): void {
  to.diagnostics.push(diagnostic(code, parameters, { ...details, at: to.object.at(path) }));
}

/** A field with another value than `expected`, or without one. `expected` is a phrase, as in `a number from 1 to 65535`. */
export function reportInvalid(to: Report, path: Path, found: unknown, expected: string): void {
  if (found === undefined || found === null)
    report(to, "kubernetes/missing-field", { field: fieldName(path), expected }, path);
  else report(to, "kubernetes/invalid-field", { field: fieldName(path), found: shown(found), expected }, path);
}

export function reportName(to: Report, path: Path, found: string, expected: string): void {
  report(to, "kubernetes/invalid-name", { field: fieldName(path), found: shown(found), expected }, path);
}

export function reportAddress(to: Report, path: Path, reason: string): void {
  report(to, "kubernetes/invalid-address", { field: fieldName(path), reason }, path);
}
