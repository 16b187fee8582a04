import { dnsLabelWords, dnsSubdomainWords, isDnsLabel, isDnsSubdomain } from "./names.ts";
import { type Report, reportName } from "./report.ts";

/** What every object carries, as the schemas read it. */
export interface Metadata {
  readonly name: string;
  readonly namespace?: string | null | undefined;
  readonly labels?: Readonly<Record<string, string>> | null | undefined;
  readonly annotations?: Readonly<Record<string, string>> | null | undefined;
}

export const nodeZoneLabel = "topology.kubernetes.io/zone";
export const sliceServiceLabel = "kubernetes.io/service-name";
/** Objects with one of these are another proxy's, or nobody's. Source: kube-proxy's list options. */
export const ignoringLabels = ["service.kubernetes.io/service-proxy-name", "service.kubernetes.io/headless"] as const;

/** `namespace/name`, or null with the wrong part reported. An object that names no namespace is in `default`. */
export function namespacedName(to: Report, metadata: Metadata): string | null {
  const namespace = namespaceOf(to, metadata);
  if (!isDnsLabel(metadata.name)) {
    reportName(to, ["metadata", "name"], metadata.name, dnsLabelWords);
    return null;
  }
  return namespace === null ? null : `${namespace}/${metadata.name}`;
}

/** The namespace, or null with it reported. */
export function namespaceOf(to: Report, metadata: Metadata): string | null {
  const namespace = metadata.namespace ?? "default";
  if (isDnsLabel(namespace)) return namespace;
  reportName(to, ["metadata", "namespace"], namespace, dnsLabelWords);
  return null;
}

/** Whether a text may name an object that is not in a namespace; reported otherwise. */
export function checkObjectName(to: Report, path: readonly (string | number)[], name: string): boolean {
  if (isDnsSubdomain(name)) return true;
  reportName(to, path, name, dnsSubdomainWords);
  return false;
}
