import type { DiagnosticCode, ParametersOf } from "../diagnostics/codes.ts";
import { type Diagnostic, type DiagnosticDetails, diagnostic } from "../diagnostics/diagnostic.ts";
import type { IrEndpoint, IrFrontend, IrService, NodeIr } from "../ir/ir.ts";
import type { Protocol } from "../net/port.ts";
import { assert } from "../result.ts";
import type { Location } from "../source.ts";
import type { BackendName } from "./backend.ts";
import { keptScheduler } from "./declared.ts";

/** What a backend other than IPVS keeps of the settings that IPVS has. */
export interface BackendLimits {
  readonly backend: BackendName;
  /** How new connections are spread, as messages say it: `at random by weight`, `in turn by weight`. */
  readonly spreading: string;
  readonly protocols: readonly Protocol[];
  /** Whether endpoints can see the client's address. */
  readonly keepsSource: boolean;
}

/**
 * Findings on settings that the backend cannot keep. Where packets would take another way or not be served at all it is
 * an error that names the backends that can; where only the spreading differs, a warning, unless the service or the
 * cluster accepts its code. Each setting of a service is reported once, where it stands.
 */
export function settingsBeyond(limits: BackendLimits, ir: NodeIr): readonly Diagnostic[] {
  assertInterfaceNames(ir);
  return ir.services.flatMap((service) =>
    needsMore(service, limits) ? [...approximations(service, limits, ir), ...refusals(service, limits)] : [],
  );
}

/**
 * Rule languages have wildcards (`+`, `*`) and quotes without escapes, so only plain interface names can be written
 * in all of them. The kernel allows more (dev_valid_name in net/core/dev.c), which both front ends refuse.
 * Throws InternalError for a name that came past them, before it can become a rule.
 */
export function assertInterfaceNames(ir: NodeIr): void {
  for (const detector of Object.values(ir.detector)) {
    const name =
      detector.kind === "interface" ? detector.name : detector.kind === "interface-prefix" ? detector.prefix : null;
    assert(
      name === null || /^[A-Za-z0-9_.:@-]{1,15}$/.test(name),
      `the interface name ${JSON.stringify(name)} cannot be written in rules`,
    );
  }
}

/** A cheap test first: of 20,000 services hardly one has such a setting. */
function needsMore(service: IrService, limits: BackendLimits): boolean {
  return service.frontends.some(
    (frontend) =>
      frontend.scheduler !== null ||
      frontend.onePacket ||
      frontend.forwarding.method !== "nat" ||
      !limits.protocols.includes(frontend.protocol) ||
      (!limits.keepsSource && isMeantToKeepSource(frontend)) ||
      thresholdOf(frontend) !== null,
  );
}

function placeOf(setting: string, service: IrService): Location {
  return service.settingOrigins[setting] ?? service.origin;
}

function approximations(service: IrService, limits: BackendLimits, ir: NodeIr): readonly Diagnostic[] {
  const { backend, spreading } = limits;
  const name = service.name;
  const findings: Diagnostic[] = [];
  const at = (setting: string) => placeOf(setting, service);
  const warn = <C extends DiagnosticCode>(code: C, parameters: ParametersOf<C>, details: DiagnosticDetails) => {
    if (service.allowedWarnings.includes(code) || ir.allowedWarnings.includes(code)) return;
    findings.push(diagnostic(code, parameters, details));
  };

  const scheduled = service.frontends.find((frontend) => !keepsShares(backend, frontend));
  if (scheduled !== undefined && scheduled.scheduler !== null) {
    warn(
      "lower/scheduler-approximated",
      { backend, scheduler: scheduled.scheduler, service: name, spreading },
      { at: at("scheduler"), help: "the ipvs backend has this scheduler" },
    );
  }
  if (service.frontends.some((frontend) => frontend.onePacket && frontend.protocol === "udp")) {
    warn(
      "lower/one-packet-approximated",
      { backend, service: name },
      { at: at("one-packet"), help: "the ipvs backend can choose for each packet" },
    );
  }
  if (!limits.keepsSource && service.frontends.some(isMeantToKeepSource)) {
    warn(
      "lower/source-not-preserved",
      { backend, service: name },
      { at: at("external-policy"), help: "the iptables, ipvs and nftables backends keep them" },
    );
  }
  const limited = service.frontends.map(thresholdOf).find((endpoint) => endpoint !== null);
  if (limited != null) {
    warn(
      "lower/thresholds-ignored",
      { backend, service: name, endpoint: limited.address.text },
      { at: limited.origin, help: "the ipvs backend counts connections" },
    );
  }
  return findings;
}

function refusals(service: IrService, { backend, protocols }: BackendLimits): readonly Diagnostic[] {
  const findings: Diagnostic[] = [];
  const forwarded = service.frontends.find((frontend) => frontend.forwarding.method !== "nat");
  if (forwarded !== undefined) {
    findings.push(
      diagnostic(
        "lower/forwarding-unsupported",
        { backend, method: forwarded.forwarding.method, service: service.name, able: "ipvs" },
        { at: placeOf("forward", service), help: "compile this service for ipvs only, or use forward nat" },
      ),
    );
  }
  const refused = service.frontends.find((frontend) => !protocols.includes(frontend.protocol));
  if (refused !== undefined) {
    findings.push(
      diagnostic(
        "lower/protocol-unsupported",
        { backend, protocol: refused.protocol, service: refused.key, able: "iptables, ipvs and nftables" },
        { at: refused.origin },
      ),
    );
  }
  return findings;
}

/** Spreading by weight gives the long-run shares of wrr, and those of rr where all weights are equal. */
function keepsShares(backend: BackendName, frontend: IrFrontend): boolean {
  if (frontend.scheduler === null || keptScheduler(backend, frontend) !== null) return true;
  if (frontend.scheduler !== "rr") return false;
  return frontend.routes.every(({ pool }) => pool.totalWeight === pool.endpoints.length);
}

/**
 * External policy local exists for the sake of client addresses. Pods that keep theirs towards a cluster VIP are not
 * meant: there that saves work, and no spec asks for it.
 */
function isMeantToKeepSource({ kind, routes }: IrFrontend): boolean {
  const outside = routes.at(-1);
  return kind !== "cluster" && outside !== undefined && outside.pool.scope === "local" && !outside.masquerade;
}

function thresholdOf(frontend: IrFrontend): IrEndpoint | null {
  for (const { pool } of frontend.routes) {
    const found = pool.endpoints.find((endpoint) => endpoint.upperThreshold !== 0 || endpoint.lowerThreshold !== 0);
    if (found !== undefined) return found;
  }
  return null;
}
