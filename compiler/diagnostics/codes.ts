import { inputCodes } from "./codes/input.ts";
import { kubernetesCodes } from "./codes/kubernetes.ts";
import { lowerCodes } from "./codes/lower.ts";
import { specCodes } from "./codes/spec.ts";
import { syntaxCodes } from "./codes/syntax.ts";

/** Every diagnostic that weir can report. Each has an example in fixtures/errors and a line in docs/diagnostics.md. */
export const codes = { ...inputCodes, ...syntaxCodes, ...kubernetesCodes, ...specCodes, ...lowerCodes };

export type DiagnosticCode = keyof typeof codes;

export type ParametersOf<C extends DiagnosticCode> = Parameters<(typeof codes)[C]["message"]>[0];

export function isDiagnosticCode(text: string): text is DiagnosticCode {
  return Object.hasOwn(codes, text);
}
