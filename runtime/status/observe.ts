import type { IptablesProgram } from "../../compiler/backends/iptables/program.ts";
import type { Operation, Step } from "../../compiler/backends/step.ts";
import type { BackendProgram } from "../desired/programs.ts";
import type { Host } from "../host/host.ts";
import type { ForeignPart, Plane, PlaneName } from "../planes/plane.ts";

/** One plane as it is, and the way from there to what it should hold. */
export interface PlaneReport {
  readonly name: PlaneName;
  /** What is there, as a program of the backend that is desired, or of the plane's own; null when nothing is. */
  readonly kernel: BackendProgram | null;
  readonly foreign: readonly ForeignPart[];
  /** What has to be done; empty when it holds exactly what it should. */
  readonly operations: readonly Operation[];
  /** A change to the kernel's past: flows that go on to where they went. No drift. */
  readonly steps: readonly Step[];
}

/**
 * Reads every plane and compares it with what is desired: nothing, in the planes of other backends. `known` are programs
 * that weir has applied. Throws HostError when a plane cannot be read.
 */
export async function observePlanes(
  host: Host,
  desired: BackendProgram | null,
  known: readonly BackendProgram[],
): Promise<readonly PlaneReport[]> {
  return [
    await observeNftables(host, desired, known),
    await observeIptables(host, desired, known),
    await observeIpvs(host, desired, known),
  ];
}

async function observeNftables(
  host: Host,
  desired: BackendProgram | null,
  known: readonly BackendProgram[],
): Promise<PlaneReport> {
  const { nftablesPlane } = await import("../planes/nftables.ts");
  const after = desired?.backend === "nftables" ? desired.program : null;
  const programs = known.flatMap((each) => (each.backend === "nftables" ? [each.program] : []));
  return reportOf(host, nftablesPlane, after, programs, (program) => ({ backend: "nftables", program }));
}

async function observeIptables(
  host: Host,
  desired: BackendProgram | null,
  known: readonly BackendProgram[],
): Promise<PlaneReport> {
  const { iptablesPlane } = await import("../planes/iptables.ts");
  const after = desired === null ? null : rulesOf(desired);
  const programs = known.flatMap((each) => rulesOf(each) ?? []);
  return reportOf(host, iptablesPlane, after, programs, (program) => ({ backend: "iptables", program }));
}

async function observeIpvs(
  host: Host,
  desired: BackendProgram | null,
  known: readonly BackendProgram[],
): Promise<PlaneReport> {
  const { ipvsPlane } = await import("../planes/ipvs.ts");
  const after = desired?.backend === "ipvs" ? desired.program : null;
  const programs = known.flatMap((each) => (each.backend === "ipvs" ? [each.program] : []));
  return reportOf(host, ipvsPlane, after, programs, (program) => ({ backend: "ipvs", program }));
}

/** The rules of a backend that uses the iptables plane; null of others. */
export function rulesOf(desired: BackendProgram): IptablesProgram | null {
  if (desired.backend === "iptables") return desired.program;
  return desired.backend === "userspace" ? desired.program.rules : null;
}

async function reportOf<P>(
  host: Host,
  plane: Plane<P>,
  after: P | null,
  known: readonly P[],
  named: (program: P) => BackendProgram,
): Promise<PlaneReport> {
  const now = await plane.observe(host, { known });
  const steps = plane.plan(now, after).filter((step) => step.kind !== "flows");
  return {
    name: plane.name,
    kernel: now.program === null ? null : named(now.program),
    foreign: now.foreign,
    operations: steps.flatMap(({ operations }) => operations),
    steps,
  };
}
