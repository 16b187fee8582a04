import type { BackendName } from "../../compiler/backends/backend.ts";
import { backendNames } from "../../compiler/backends/registry.ts";
import type { Desired } from "../desired/desired.ts";
import { programOf } from "../desired/programs.ts";
import { HostError } from "../host/error.ts";
import type { Host } from "../host/host.ts";
import { managerConflicts } from "../preflight/conflicts.ts";
import type { Finding } from "../preflight/finding.ts";
import { errorsFirst, preflight } from "../preflight/preflight.ts";
import type { Probe } from "../preflight/probe.ts";
import { usableBackends } from "../preflight/usable.ts";
import type { DoctorReport, FlavourSummary } from "./report.ts";

/** Looks at a node, and at an artifact on it. Changes nothing; what an ordinary user may not see is in `unseen`. */
export async function examine(host: Host, probe: Probe, desired: Desired | null): Promise<DoctorReport> {
  const backends = await usableBackends(host, probe.facts);
  const { isRoot, netAdmin } = probe.facts.privileges;
  const unseen = [...probe.facts.unseen];
  if (!isRoot) unseen.push("features of the kernel that only root may try out, and whose a listening socket is");
  const found = desired === null ? managerConflicts(probe.facts) : await findingsFor(host, probe, desired);
  // an ordinary user asks about the node, not about himself
  const findings = found.filter(({ code }) => isRoot || netAdmin || code !== "requirement/capability");
  const subject = desired === null ? null : { node: desired.node, backend: desired.backend, from: desired.from };
  return {
    probe,
    backends,
    flavours: await flavoursOf(host),
    subject,
    findings: errorsFirst(findings),
    unseen: [...new Set(unseen)],
  };
}

async function findingsFor(host: Host, probe: Probe, desired: Desired): Promise<readonly Finding[]> {
  const requirements = desired.manifest.requirements[desired.backend] ?? [];
  return preflight(host, probe, requirements, await programOf(desired));
}

async function flavoursOf(host: Host): Promise<FlavourSummary | null> {
  try {
    const { iptablesFlavourReport } = await import("../planes/iptables.ts");
    const { system, uses, warnings } = await iptablesFlavourReport(host);
    const inUse = uses.filter(({ hasOwn, hasOthers }) => hasOwn || hasOthers).map(({ flavour }) => flavour);
    return { system, inUse, warnings };
  } catch (error) {
    if (error instanceof HostError) return null;
    throw error;
  }
}

/** The backend to look at when none was named: the one that `apply` would take, or nftables to tell what it lacks. */
export async function usualBackend(host: Host, probe: Probe, available: readonly BackendName[]): Promise<BackendName> {
  const usable = await usableBackends(host, probe.facts);
  const order = ["nftables", "iptables"] as const;
  const chosen = order.find((name) => available.includes(name) && usable[name].usable);
  return chosen ?? order.find((name) => available.includes(name)) ?? available[0] ?? backendNames[0];
}
