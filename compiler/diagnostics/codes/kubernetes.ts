import type { DiagnosticDefinition } from "../definition.ts";

/** Findings in Kubernetes objects. */
export const kubernetesCodes = {} as const satisfies Record<string, DiagnosticDefinition>;
