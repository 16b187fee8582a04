import { createHash } from "node:crypto";
import type { Requirement } from "../../compiler/index.ts";
import type { BackendProgram } from "../desired/programs.ts";
import type { Host } from "../host/host.ts";
import { findConflicts } from "./conflicts.ts";
import type { Finding } from "./finding.ts";
import { nodePortsOf } from "./node-ports.ts";
import { ownMarks } from "./own-marks.ts";
import type { Probe } from "./probe.ts";
import { unmetRequirements } from "./requirements.ts";

/**
 * Everything that stands between a node and an artifact, errors first: `apply` asks it before it changes anything, and
 * stops at errors. `requirements` are those of the manifest for this backend.
 */
export async function preflight(
  host: Host,
  probe: Probe,
  requirements: readonly Requirement[],
  desired: BackendProgram,
): Promise<readonly Finding[]> {
  const unmet = await unmetRequirements(host, probe.facts, requirements, desired);
  const conflicts = await findConflicts(host, probe.facts, probe.foreign, desired);
  return errorsFirst([...unmet, ...conflicts]);
}

export function errorsFirst(findings: readonly Finding[]): readonly Finding[] {
  const errors = findings.filter(({ severity }) => severity === "error");
  return [...errors, ...findings.filter(({ severity }) => severity !== "error")];
}

/**
 * What of an artifact preflight depends on: two artifacts with equal keys meet the same obstacles on a node that has not
 * changed. An apply that changes endpoints only need not look at the node again.
 */
export function preflightKey(requirements: readonly Requirement[], desired: BackendProgram): string {
  const ports = nodePortsOf(desired).map(({ protocol, port }) => `${protocol} ${port}`);
  const parts = [desired.backend, requirements, [...ownMarks(desired)], ports.sort()];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
