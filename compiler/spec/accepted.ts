import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Spec } from "./schema.ts";

/**
 * Findings of a front end without the warnings that the spec accepts: those of codes allowed for the whole cluster,
 * and those about a Kubernetes Service that allows them for itself. Only the whole spec knows what is allowed, so a
 * front end reports everything. Errors and notes stay.
 */
export function withoutAccepted(findings: readonly Diagnostic[], spec: Spec): readonly Diagnostic[] {
  if (!findings.some((finding) => finding.severity === "warning")) return findings;
  const everywhere = new Set(spec.cluster.allowedWarnings);
  const own = new Map(spec.services.map((service) => [`Service ${service.name}`, service.allowedWarnings]));
  return findings.filter(({ severity, code, location }) => {
    if (severity !== "warning") return true;
    return !everywhere.has(code) && !own.get(location?.object ?? "")?.includes(code);
  });
}
