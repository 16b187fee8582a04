import type { DiagnosticDefinition } from "../definition.ts";

/** What a backend cannot do, or does otherwise than the spec says. */
export const lowerCodes = {} as const satisfies Record<string, DiagnosticDefinition>;
