import type { DiagnosticCode, ParametersOf } from "../../diagnostics/codes.ts";
import { type Diagnostic, type DiagnosticDetails, diagnostic } from "../../diagnostics/diagnostic.ts";
import type { IrFrontend, IrService, NodeIr } from "../../ir/ir.ts";
import { assertInterfaceNames } from "../limits.ts";
import { planFrontend } from "./lower-frontend.ts";
import { keepsOnePacket, needsHashedAffinity } from "./lower-servers.ts";

/** What the kernel's IPVS cannot do of what the spec asks. Each setting of a service is reported once, where it stands. */
export function findingsOf(ir: NodeIr): readonly Diagnostic[] {
  assertInterfaceNames(ir);
  return ir.services.flatMap((service) => (needsMore(service) ? serviceFindings(service, ir) : []));
}

/** A cheap test first: of 20,000 services hardly one has such a setting. */
function needsMore(service: IrService): boolean {
  return service.frontends.some(
    ({ onePacket, forwarding, affinity }) => onePacket || affinity !== null || forwarding.method !== "nat",
  );
}

function serviceFindings(service: IrService, ir: NodeIr): readonly Diagnostic[] {
  const { name, frontends } = service;
  const findings: Diagnostic[] = [];
  const at = (setting: string) => service.settingOrigins[setting] ?? service.origin;
  const warn = <C extends DiagnosticCode>(code: C, parameters: ParametersOf<C>, details: DiagnosticDetails) => {
    if (service.allowedWarnings.includes(code) || ir.allowedWarnings.includes(code)) return;
    findings.push(diagnostic(code, parameters, details));
  };

  const mapped = frontends.find(isForwardedElsewhere);
  if (mapped !== undefined) {
    const { method } = mapped.forwarding;
    const port = otherPorts(mapped)[0] ?? mapped.port;
    findings.push(
      diagnostic(
        "lower/forwarding-changes-port",
        { method, service: mapped.key, port: mapped.port, target: port },
        { at: at("forward"), help: `let the endpoints listen on ${mapped.port}, or use forward nat` },
      ),
    );
  }
  if (frontends.some((each) => each.onePacket && each.protocol === "udp" && !keepsOnePacket(each))) {
    warn(
      "lower/one-packet-approximated",
      { backend: "ipvs", service: name },
      { at: at("one-packet"), help: "replies are not translated then: it needs forward direct or forward tunnel" },
    );
  }
  const hashed = frontends.find((each) => planFrontend(each, ir).pools.some((plan) => needsHashedAffinity(each, plan)));
  if (hashed !== undefined) {
    warn(
      "lower/affinity-by-hash",
      { service: hashed.key, port: hashed.port, target: otherPorts(hashed)[0] ?? hashed.port },
      { at: at("affinity"), help: "clients stay with a server as long as the servers stay, without a timeout" },
    );
  }
  return findings;
}

/** Packets that are not translated arrive at the port that the client asked for. */
function isForwardedElsewhere(frontend: IrFrontend): boolean {
  return frontend.forwarding.method !== "nat" && otherPorts(frontend).length > 0;
}

function otherPorts(frontend: IrFrontend): readonly number[] {
  const ports = frontend.routes.flatMap(({ pool }) => pool.endpoints.map((endpoint) => endpoint.port));
  return ports.filter((port) => port !== frontend.port);
}
