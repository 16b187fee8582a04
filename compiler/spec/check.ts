import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { checkAddresses } from "./check-addresses.ts";
import { checkCluster } from "./check-cluster.ts";
import { checkExpects } from "./check-expects.ts";
import { checkOwners } from "./check-owners.ts";
import { checkService } from "./check-service.ts";
import { checkSize } from "./check-size.ts";
import type { Spec } from "./schema.ts";

/** Every rule a spec must keep that needs no node: ownership, ranges, guards, references. In no particular order. */
export function checkSpec(spec: Spec): readonly Diagnostic[] {
  const tooLarge = checkSize(spec);
  if (tooLarge.length > 0) return tooLarge;
  const aboutServices = spec.services.flatMap((service) =>
    [...checkService(service, spec), ...checkAddresses(service, spec)].filter(
      (finding) => !isAllowed(finding, service.allowedWarnings),
    ),
  );
  return [
    ...checkCluster(spec.cluster, spec.nodes),
    ...aboutServices,
    ...checkOwners(spec.services),
    ...checkExpects(spec),
  ].filter((finding) => !isAllowed(finding, spec.cluster.allowedWarnings));
}

function isAllowed(finding: Diagnostic, allowed: readonly string[]): boolean {
  return finding.severity === "warning" && allowed.includes(finding.code);
}
