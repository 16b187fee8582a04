import type { BackendName } from "../../compiler/backends/backend.ts";
import type { Finding } from "../preflight/finding.ts";
import type { Probe } from "../preflight/probe.ts";
import type { Usability } from "../preflight/usable.ts";

/** What a node can do, and what an artifact lacks there. */
export interface DoctorReport {
  readonly probe: Probe;
  readonly backends: Readonly<Record<BackendName, Usability>>;
  /** Flavours of iptables that hold rules, and which one the plain command is. */
  readonly flavours: FlavourSummary | null;
  /** The artifact that was looked at; null without one. */
  readonly subject: { readonly node: string; readonly backend: BackendName; readonly from: string } | null;
  /** Errors first. Without an artifact only what stands against any. */
  readonly findings: readonly Finding[];
  readonly unseen: readonly string[];
}

export interface FlavourSummary {
  readonly system: string | null;
  /** `nft`, `legacy`: those that hold anybody's rules. */
  readonly inUse: readonly string[];
  readonly warnings: readonly string[];
}

/** Something that is needed is not there: for the artifact, or for any artifact at all. */
export function isUnmet({ subject, findings, backends }: DoctorReport): boolean {
  if (subject !== null) return findings.some(({ severity }) => severity === "error");
  return Object.values(backends).every(({ usable }) => !usable);
}

/** The report as `--json` prints it; docs/operations.md describes it. */
export function jsonDoctor(report: DoctorReport) {
  const { probe, backends, flavours, subject, findings, unseen } = report;
  const { kernel, privileges, tools, sysctls, managers, listeners } = probe.facts;
  return {
    format: 1,
    state: isUnmet(report) ? "unmet" : "ready",
    kernel,
    privileges,
    backends,
    tools,
    settings: sysctls,
    flavours,
    managers,
    listeners,
    marks: probe.foreign.marks,
    subject,
    findings,
    unseen,
  };
}
