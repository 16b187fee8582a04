import type { Family } from "../net/address.ts";
import type { Location } from "../source.ts";
import type { AddressSpec, Affinity, LoadBalancerSpec, ServicePortSpec, ServiceSpec } from "../spec/schema.ts";
import { parseSloppyAddress, parseSloppyPrefix } from "./addresses.ts";
import { annotationPrefix, type ServiceAnnotations, serviceAnnotations } from "./annotations.ts";
import { ignoringLabels, namespacedName } from "./metadata.ts";
import { dnsLabelWords, isDnsLabel } from "./names.ts";
import { type KubernetesObject, shaped } from "./objects.ts";
import { fieldName, type Path, shown } from "./places.ts";
import { valueAt } from "./records.ts";
import { type Report, report, reportAddress, reportName } from "./report.ts";
import { type ServiceObject, serviceSchema } from "./schemas.ts";

/** The default of sessionAffinityConfig.clientIP.timeoutSeconds. */
const defaultAffinitySeconds = 10800;

/**
 * Whether kube-proxy leaves the object alone: another proxy's label, headless, or of type ExternalName.
 * Asked before the object is checked, because such a service may lack what others need.
 */
export function isIgnored(object: KubernetesObject): boolean {
  const { value } = object;
  if (ignoringLabels.some((label) => valueAt(value, ["metadata", "labels", label]) !== undefined)) return true;
  return valueAt(value, ["spec", "type"]) === "ExternalName" || valueAt(value, ["spec", "clusterIP"]) === "None";
}

/** A Service as weir means it, or null when it has no rules or is wrong, which is reported. */
export function readService(to: Report): ServiceSpec | null {
  const object = shaped<ServiceObject>(to, serviceSchema);
  if (object === null) return null;
  const { spec, metadata } = object;
  const name = namespacedName(to, metadata);
  const annotations = serviceAnnotations(to, metadata);
  const vips = clusterIps(to, spec);
  const has = (family: Family): boolean => vips.some((vip) => vip.address.family === family);
  const externals = addresses(to, ["spec", "externalIPs"], spec.externalIPs ?? [], has);
  const loadBalancers = balancers(to, object, has);
  const ports = (spec.ports ?? []).map((port, index) => servicePort(to, port, index));
  const affinity = affinityOf(to, spec, annotations);
  if (name === null) return null;
  if (vips.length === 0) {
    // A wrong cluster IP has been reported already.
    if ((spec.clusterIP ?? "") === "" && (spec.clusterIPs ?? []).length === 0) reportNoClusterIp(to, name);
    return null;
  }
  const isExternal = spec.type === "LoadBalancer" || spec.type === "NodePort" || (spec.externalIPs ?? []).length > 0;
  const externalPolicy = isExternal && spec.externalTrafficPolicy === "Local" ? "local" : "cluster";
  const healthCheckPort =
    spec.type === "LoadBalancer" && externalPolicy === "local" ? spec.healthCheckNodePort || null : null;
  return {
    name,
    vips,
    externals,
    loadBalancers,
    scheduler: annotations.scheduler,
    schedulerFlags: annotations.schedulerFlags,
    onePacket: annotations.onePacket,
    affinity,
    internalPolicy: spec.internalTrafficPolicy === "Local" ? "local" : "cluster",
    externalPolicy,
    traffic: annotations.traffic,
    forwarding: annotations.forwarding,
    healthCheckPort,
    ports,
    endpoints: [],
    allowedWarnings: annotations.allowedWarnings,
    settingOrigins: settingOrigins(to.object),
    origin: to.object.at(["metadata", "name"]),
  };
}

function reportNoClusterIp(to: Report, service: string): void {
  report(to, "kubernetes/no-cluster-ip", { service }, ["spec"], {
    help: 'take the object from the cluster (kubectl get service -o yaml), or give it a clusterIP; "None" is headless',
  });
}

type Spec = ServiceObject["spec"];

/** The first cluster IP of each family, of `clusterIPs` or else `clusterIP`. */
function clusterIps(to: Report, spec: Spec): readonly AddressSpec[] {
  const listed = (spec.clusterIPs ?? []).length > 0;
  const texts = listed ? (spec.clusterIPs ?? []) : [spec.clusterIP ?? ""].filter((text) => text !== "");
  const found: AddressSpec[] = [];
  for (const [index, text] of texts.entries()) {
    const path: Path = listed ? ["spec", "clusterIPs", index] : ["spec", "clusterIP"];
    const address = parseSloppyAddress(text);
    if (!address.ok) {
      reportAddress(to, path, address.reason);
    } else if (!found.some((other) => other.address.family === address.value.family)) {
      found.push({ address: address.value, origin: to.object.at(path) });
    }
  }
  return found;
}

const familyWords = { ipv4: "IPv4", ipv6: "IPv6" } as const;

/** One address each once; those of a family without a cluster IP are left out with a note. */
function addresses(
  to: Report,
  path: Path,
  texts: readonly string[],
  has: (family: Family) => boolean,
): readonly AddressSpec[] {
  const found: AddressSpec[] = [];
  for (const [index, text] of texts.entries()) {
    const kept = addressIn(to, [...path, index], text, has);
    if (kept !== null && !found.some((other) => other.address.text === kept.address.text)) found.push(kept);
  }
  return found;
}

function addressIn(to: Report, path: Path, text: string, has: (family: Family) => boolean): AddressSpec | null {
  const address = parseSloppyAddress(text);
  if (!address.ok) {
    reportAddress(to, path, address.reason);
    return null;
  }
  const { family } = address.value;
  if (has(family)) return { address: address.value, origin: to.object.at(path) };
  // Without any cluster IP the whole service is left out, and that is said once.
  if (has("ipv4") || has("ipv6")) {
    const parameters = { field: fieldName(path), address: address.value.text, family: familyWords[family] };
    report(to, "kubernetes/other-family", parameters, path);
  }
  return null;
}

/** Only what the load balancer has reported counts, and only where it passes the packet on with its own address. */
function balancers(to: Report, object: ServiceObject, has: (family: Family) => boolean): readonly LoadBalancerSpec[] {
  const ranges = (object.spec.loadBalancerSourceRanges ?? []).flatMap((text, index) => {
    const prefix = parseSloppyPrefix(text.trim());
    if (prefix.ok) return [prefix.value];
    reportAddress(to, ["spec", "loadBalancerSourceRanges", index], prefix.reason);
    return [];
  });
  const allow = ranges.length === 0 ? null : ranges;
  const found: LoadBalancerSpec[] = [];
  for (const [index, ingress] of (object.status?.loadBalancer?.ingress ?? []).entries()) {
    if (ingress.ipMode === "Proxy" || (ingress.ip ?? "") === "") continue;
    const kept = addressIn(to, ["status", "loadBalancer", "ingress", index, "ip"], ingress.ip ?? "", has);
    if (kept !== null && !found.some((other) => other.address.text === kept.address.text))
      found.push({ ...kept, allow });
  }
  return found;
}

const protocolWords = { TCP: "tcp", UDP: "udp", SCTP: "sctp" } as const;

function servicePort(to: Report, port: NonNullable<Spec["ports"]>[number], index: number): ServicePortSpec {
  const name = port.name ?? "";
  const path: Path = ["spec", "ports", index];
  if (name !== "" && !isDnsLabel(name)) reportName(to, [...path, "name"], name, dnsLabelWords);
  return {
    name,
    protocol: protocolWords[port.protocol ?? "TCP"],
    port: port.port,
    // A wish to the controller that makes the slices: their endpoints all carry ports of their own, which count.
    targetPort: isPort(port.targetPort) ? port.targetPort : port.port,
    nodePort: port.nodePort || null,
    origin: to.object.at(path),
  };
}

function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65535;
}

function affinityOf(to: Report, spec: Spec, annotations: ServiceAnnotations): Affinity | null {
  const netmask = annotations.affinityNetmask;
  if (spec.sessionAffinity === "ClientIP") {
    return { timeoutSeconds: spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds, netmask };
  }
  if (netmask !== null) {
    const key = `${annotationPrefix}affinity-netmask`;
    const found = shown(`${netmask.ipv4}/${netmask.ipv6}`);
    const expected = "none, because the service has no sessionAffinity: ClientIP";
    report(to, "kubernetes/invalid-annotation", { annotation: key, found, expected }, ["metadata", "annotations", key]);
  }
  return null;
}

/** Where the settings of a service stand, by the language's words for them. */
const settingPaths: readonly (readonly [string, Path])[] = [
  ["affinity", ["spec", "sessionAffinity"]],
  ["internal-policy", ["spec", "internalTrafficPolicy"]],
  ["external-policy", ["spec", "externalTrafficPolicy"]],
  ["health-check-port", ["spec", "healthCheckNodePort"]],
  ["scheduler", ["metadata", "annotations", `${annotationPrefix}scheduler`]],
  ["one-packet", ["metadata", "annotations", `${annotationPrefix}one-packet`]],
  ["forward", ["metadata", "annotations", `${annotationPrefix}forward`]],
  ["traffic", ["metadata", "annotations", `${annotationPrefix}traffic`]],
  ["allow", ["metadata", "annotations", `${annotationPrefix}allow`]],
];

function settingOrigins(object: KubernetesObject): Readonly<Record<string, Location>> {
  const origins: Record<string, Location> = {};
  for (const [word, path] of settingPaths) {
    if (valueAt(object.value, path) !== undefined) origins[word] = object.at(path);
  }
  return origins;
}
