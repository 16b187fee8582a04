import type { DiagnosticDefinition } from "../definition.ts";

/** What a backend cannot do, or does otherwise than the spec says. */
export const lowerCodes = {
  "lower/scheduler-approximated": {
    severity: "warning",
    message: (p: { backend: string; scheduler: string; service: string; spreading: string }) =>
      `${p.backend} has no scheduler ${p.scheduler}: connections to ${p.service} are spread ${p.spreading}`,
  },
  "lower/one-packet-approximated": {
    severity: "warning",
    message: (p: { backend: string; service: string }) =>
      `${p.backend} chooses an endpoint for each flow, not for each packet, of ${p.service}`,
  },
  "lower/source-not-preserved": {
    severity: "warning",
    message: (p: { backend: string; service: string }) =>
      `${p.backend} hides the addresses of clients from ${p.service}: its endpoints see those of the node`,
  },
  "lower/thresholds-ignored": {
    severity: "warning",
    message: (p: { backend: string; service: string; endpoint: string }) =>
      `${p.backend} does not count connections: the thresholds of ${p.endpoint} in ${p.service} have no effect`,
  },
  "lower/forwarding-unsupported": {
    severity: "error",
    message: (p: { backend: string; method: string; service: string; able: string }) =>
      `${p.backend} cannot forward to ${p.service} by ${p.method}; ${p.able} can`,
  },
  "lower/protocol-unsupported": {
    severity: "error",
    message: (p: { backend: string; protocol: string; service: string; able: string }) =>
      `${p.backend} cannot serve ${p.protocol}, which ${p.service} needs; ${p.able} can`,
  },
  "lower/forwarding-changes-port": {
    severity: "error",
    message: (p: { method: string; service: string; port: number; target: number }) =>
      `forward ${p.method} does not change ports, but port ${p.port} of ${p.service} has endpoints on port ${p.target}`,
  },
  "lower/affinity-by-hash": {
    severity: "warning",
    message: (p: { service: string; port: number; target: number }) =>
      `ipvs keeps the affinity of ${p.service} by hashing client addresses where it finds servers by mark: those change port ${p.port} to ${p.target}`,
  },
  "lower/proxy-ports-exhausted": {
    severity: "error",
    message: (p: { service: string; first: number; last: number; missing: number }) =>
      `proxy ports ${p.first}-${p.last} are used up: none is left for ${p.service}${p.missing > 1 ? ` and ${p.missing - 1} more` : ""}`,
  },
} as const satisfies Record<string, DiagnosticDefinition>;
