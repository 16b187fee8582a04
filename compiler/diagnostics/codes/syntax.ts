import type { DiagnosticDefinition } from "../definition.ts";

/** Findings in the text of a .weir file, before anything is known of its meaning. */
export const syntaxCodes = {
  "syntax/unexpected": {
    severity: "error",
    message: (p: { found: string; expected: string }) => `unexpected ${p.found}, expected ${p.expected}`,
  },
} as const satisfies Record<string, DiagnosticDefinition>;
