import type { Diagnostic } from "../../../compiler/diagnostics/diagnostic.ts";
import { fragmentFromObjects, type ObjectsResult } from "../../../compiler/kubernetes/read.ts";
import { positionOf } from "../../../compiler/source.ts";

export function read(text: string, path = "objects.yaml"): ObjectsResult {
  return fragmentFromObjects({ path, text });
}

/** A finding as a test compares it: `error kubernetes/limit 3:1 Service shop/web «text under the finding» message`. */
export function describeFinding(finding: Diagnostic): string {
  const { location } = finding;
  if (location === null) return `${finding.severity} ${finding.code} ${finding.message}`;
  const { line, column } = positionOf(location.file, location.start);
  const under = location.file.text.slice(location.start, location.end);
  const object = location.object === undefined ? "" : `${location.object} `;
  return `${finding.severity} ${finding.code} ${line}:${column} ${object}«${under}» ${finding.message}`;
}

export function findingsOf(text: string, path?: string): readonly string[] {
  return read(text, path).diagnostics.map(describeFinding);
}

/** A Service with the fields given, as YAML in JSON's clothes. */
export function serviceText(spec: object, more: { readonly metadata?: object; readonly status?: object } = {}): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "shop", ...more.metadata },
    spec: { clusterIP: "10.96.0.10", ports: [{ name: "http", port: 80 }], ...spec },
    ...(more.status === undefined ? {} : { status: more.status }),
  });
}

export function sliceText(slice: object, metadata: object = {}): string {
  return JSON.stringify({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: "web-1",
      namespace: "shop",
      labels: { "kubernetes.io/service-name": "web" },
      ...metadata,
    },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080 }],
    endpoints: [],
    ...slice,
  });
}
