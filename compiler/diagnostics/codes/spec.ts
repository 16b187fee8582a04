import type { DiagnosticDefinition } from "../definition.ts";

/** Findings in the meaning of a spec, whichever front end it came from. */
export const specCodes = {
  "spec/duplicate-service": {
    severity: "error",
    message: (p: { service: string }) => `service ${p.service} is declared twice`,
  },
  "spec/duplicate-node": {
    severity: "error",
    message: (p: { node: string }) => `node ${p.node} is declared twice`,
  },
  "spec/duplicate-setting": {
    severity: "error",
    message: (p: { setting: string }) => `cluster setting ${p.setting} is given twice, with different values`,
  },
  "spec/vip-port-taken": {
    severity: "error",
    message: (p: { address: string; port: number; protocol: string; owner: string }) =>
      `${p.address} port ${p.port}/${p.protocol} is already served by ${p.owner}`,
  },
  "spec/node-port-taken": {
    severity: "error",
    message: (p: { port: number; protocol: string; owner: string }) =>
      `node port ${p.port}/${p.protocol} is already served by ${p.owner}`,
  },
  "spec/node-port-outside-range": {
    severity: "error",
    message: (p: { port: number; first: number; last: number }) =>
      `node port ${p.port} is outside the declared range ${p.first}-${p.last}`,
  },
  "spec/family-without-vip": {
    severity: "error",
    message: (p: { address: string; service: string; family: string }) =>
      `endpoint ${p.address} is ${p.family}, and service ${p.service} has no ${p.family} address`,
  },
  "spec/duplicate-endpoint": {
    severity: "error",
    message: (p: { address: string; service: string }) => `endpoint ${p.address} is listed twice in ${p.service}`,
  },
  "spec/duplicate-port": {
    severity: "error",
    message: (p: { port: string; service: string }) => `port ${p.port} is declared twice in ${p.service}`,
  },
  "spec/duplicate-address": {
    severity: "error",
    message: (p: { address: string; service: string }) => `address ${p.address} is given twice in ${p.service}`,
  },
  "spec/unknown-service": {
    severity: "error",
    message: (p: { service: string }) => `no service ${p.service} is declared`,
  },
  "spec/orphan-endpoints": {
    severity: "note",
    message: (p: { service: string }) => `endpoints of ${p.service} are left out: no such service is served`,
  },
  "spec/unknown-port": {
    severity: "error",
    message: (p: { port: string; service: string }) => `service ${p.service} has no port ${p.port}`,
  },
  "spec/unknown-node": {
    severity: "error",
    message: (p: { node: string }) => `no node ${p.node} is declared`,
  },
  "spec/guard-violation": {
    severity: "error",
    message: (p: { address: string; service: string; guard: string }) =>
      `${p.address} may not be claimed by ${p.service}: a guard keeps ${p.guard}`,
  },
  "spec/vip-is-node-address": {
    severity: "error",
    message: (p: { address: string; node: string }) => `cluster VIP ${p.address} is an address of node ${p.node}`,
  },
  "spec/external-is-node-address": {
    severity: "warning",
    message: (p: { address: string; node: string }) => `${p.address} is also an address of node ${p.node}`,
  },
  "spec/allow-other-family": {
    severity: "warning",
    message: (p: { address: string; family: string }) =>
      `the source ranges of ${p.address} have none of ${p.family}, so everyone may use it`,
  },
  "spec/address-not-unicast": {
    severity: "error",
    message: (p: { address: string; what: string }) => `${p.address} is ${p.what} and cannot be served`,
  },
  "spec/no-port": {
    severity: "error",
    message: (p: { service: string }) => `service ${p.service} has no port`,
  },
  "spec/no-address": {
    severity: "warning",
    message: (p: { service: string }) => `service ${p.service} has no address and no node port: nothing can reach it`,
  },
  "spec/mark-conflict": {
    severity: "error",
    message: (p: { a: string; b: string; bit: number }) => `${p.a} and ${p.b} both use mark bit ${p.bit}`,
  },
  "spec/external-policy-unused": {
    severity: "warning",
    message: (p: { service: string }) =>
      `external-policy of ${p.service} has no effect: it has no external address, load balancer or node port`,
  },
  "spec/health-check-port-unused": {
    severity: "warning",
    message: (p: { service: string }) =>
      `health-check-port of ${p.service} has no effect: it needs a load-balancer and external-policy local`,
  },
  "spec/node-port-loopback": {
    severity: "warning",
    message: (p: { prefix: string }) => `node ports are never served on loopback, so ${p.prefix} selects nothing`,
  },
  "spec/service-range-overlap": {
    severity: "error",
    message: (p: { range: string; held: string; what: string }) =>
      `service range ${p.range} meets ${p.held}, ${p.what}`,
  },
  "spec/rr-ignores-weights": {
    severity: "warning",
    message: (p: { service: string }) => `scheduler rr ignores the weights of ${p.service}`,
  },
  "spec/primary-without-address": {
    severity: "error",
    message: (p: { node: string }) =>
      `node-port-addresses primary needs an address of node ${p.node}, and none is known`,
  },
  "spec/too-large": {
    severity: "error",
    message: (p: { what: string; count: number; limit: number; service: string }) =>
      `with ${p.service} the services have ${p.count} ${p.what}; at most ${p.limit} are compiled`,
  },
  "spec/undescribed-node": {
    severity: "note",
    message: (p: { node: string }) => `nothing describes node ${p.node}: it has a name, and no address, pods or zone`,
  },
} as const satisfies Record<string, DiagnosticDefinition>;
