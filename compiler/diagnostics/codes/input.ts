import type { DiagnosticDefinition } from "../definition.ts";

/** Findings in files before they are parsed: size, encoding, includes. */
export const inputCodes = {} as const satisfies Record<string, DiagnosticDefinition>;
