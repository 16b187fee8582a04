import type { DiagnosticDefinition } from "../definition.ts";

/** Findings in Kubernetes objects, and in turning a spec into them. */
export const kubernetesCodes = {
  "kubernetes/invalid-yaml": {
    severity: "error",
    message: (p: { reason: string }) => `this is not valid YAML: ${p.reason}`,
  },
  "kubernetes/invalid-json": {
    severity: "error",
    message: (p: { reason: string }) => `this is not valid JSON: ${p.reason}`,
  },
  "kubernetes/limit": {
    severity: "error",
    message: (p: { what: string }) => p.what,
  },
  "kubernetes/not-an-object": {
    severity: "error",
    message: (p: { what: string }) => `this is no Kubernetes object: ${p.what}`,
  },
  "kubernetes/missing-field": {
    severity: "error",
    message: (p: { field: string; expected: string }) => `${p.field} is missing, expected ${p.expected}`,
  },
  "kubernetes/invalid-field": {
    severity: "error",
    message: (p: { field: string; found: string; expected: string }) =>
      `${p.field} is ${p.found}, expected ${p.expected}`,
  },
  "kubernetes/invalid-name": {
    severity: "error",
    message: (p: { field: string; found: string; expected: string }) =>
      `${p.field} ${p.found} is no valid name, expected ${p.expected}`,
  },
  "kubernetes/invalid-address": {
    severity: "error",
    message: (p: { field: string; reason: string }) => `${p.field}: ${p.reason}`,
  },
  "kubernetes/invalid-annotation": {
    severity: "error",
    message: (p: { annotation: string; found: string; expected: string }) =>
      `annotation ${p.annotation} is ${p.found}, expected ${p.expected}`,
  },
  "kubernetes/unknown-annotation": {
    severity: "warning",
    message: (p: { annotation: string; kind: string }) =>
      `${p.annotation} is no annotation that weir reads on a ${p.kind}`,
  },
  "kubernetes/invalid-setting": {
    severity: "error",
    message: (p: { field: string; reason: string }) => `${p.field} ${p.reason}`,
  },
  "kubernetes/unknown-field": {
    severity: "warning",
    message: (p: { field: string; kind: string }) => `${p.kind} has no field ${p.field}`,
  },
  "kubernetes/kind-skipped": {
    severity: "note",
    message: (p: { kind: string; count: number }) =>
      p.count === 1 ? `one object of kind ${p.kind} is not read` : `${p.count} objects of kind ${p.kind} are not read`,
  },
  "kubernetes/version-skipped": {
    severity: "warning",
    message: (p: { kind: string; version: string; read: string }) =>
      `${p.kind} of ${p.version} is not read, only of ${p.read}`,
  },
  "kubernetes/no-cluster-ip": {
    severity: "warning",
    message: (p: { service: string }) => `Service ${p.service} has no cluster IP, so it has no rules`,
  },
  "kubernetes/other-family": {
    severity: "note",
    message: (p: { field: string; address: string; family: string }) =>
      `${p.field}: ${p.address} is left out, because the service has no ${p.family} cluster IP`,
  },
  "kubernetes/slice-without-service": {
    severity: "note",
    message: (p: { slice: string }) => `EndpointSlice ${p.slice} names no service, so its endpoints are not read`,
  },
  "kubernetes/cannot-carry": {
    severity: "error",
    message: (p: { what: string; target: string }) => `${p.what} cannot be written as ${p.target}`,
  },
} as const satisfies Record<string, DiagnosticDefinition>;
