import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import { checkAddresses } from "./check-addresses.ts";
import { checkCluster } from "./check-cluster.ts";
import { checkOwners } from "./check-owners.ts";
import { checkService } from "./check-service.ts";
import type { ExpectSpec, ServiceSpec, Spec } from "./schema.ts";

/** Every rule a spec must keep that needs no node: ownership, ranges, guards, references. In no particular order. */
export function checkSpec(spec: Spec): readonly Diagnostic[] {
  const byName = new Map(spec.services.map((service) => [service.name, service]));
  const aboutServices = spec.services.flatMap((service) =>
    [...checkService(service, spec), ...checkAddresses(service, spec)].filter(
      (finding) => !isAllowed(finding, service.allowedWarnings),
    ),
  );
  return [
    ...checkCluster(spec.cluster),
    ...aboutServices,
    ...checkOwners(spec.services),
    ...spec.expects.flatMap((expected) => checkExpect(expected, byName, spec)),
  ].filter((finding) => !isAllowed(finding, spec.cluster.allowedWarnings));
}

function isAllowed(finding: Diagnostic, allowed: readonly string[]): boolean {
  return finding.severity === "warning" && allowed.includes(finding.code);
}

function checkExpect(
  expected: ExpectSpec,
  services: ReadonlyMap<string, ServiceSpec>,
  spec: Spec,
): readonly Diagnostic[] {
  const findings: Diagnostic[] = [];
  const at = expected.origin;
  if (expected.node !== null && !spec.nodes.some((node) => node.name === expected.node)) {
    findings.push(
      diagnostic("spec/unknown-node", { node: expected.node }, { at, help: "declare it, or leave `on` out" }),
    );
  }
  if (expected.outcome.kind !== "reaches") return findings;
  for (const target of expected.outcome.targets) {
    if (target.service === null) continue;
    const [name = "", port] = target.service.split(":");
    const service = services.get(name);
    if (service === undefined) findings.push(diagnostic("spec/unknown-service", { service: name }, { at }));
    else if (port !== undefined && !service.ports.some((candidate) => candidate.name === port)) {
      findings.push(diagnostic("spec/unknown-port", { port, service: name }, { at }));
    }
  }
  return findings;
}
