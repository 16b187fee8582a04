import type { EndpointGroup } from "../spec/fragment.ts";
import type { EndpointPortSpec, EndpointSpec } from "../spec/schema.ts";
import { parseSloppyAddress } from "./addresses.ts";
import { sliceAnnotations } from "./annotations.ts";
import { checkObjectName, ignoringLabels, type Metadata, namespaceOf, sliceServiceLabel } from "./metadata.ts";
import { dnsLabelWords, isDnsLabel, isLabelValue, labelValueWords } from "./names.ts";
import { type KubernetesObject, shaped } from "./objects.ts";
import type { Path } from "./places.ts";
import { valueAt } from "./records.ts";
import { type Report, report, reportAddress, reportInvalid, reportName } from "./report.ts";
import { type EndpointSliceObject, endpointSliceSchema } from "./schemas.ts";

/** Slices of headless services, of other proxies, and of host names are nobody's here. */
export function isIgnoredSlice(object: KubernetesObject): boolean {
  const { value } = object;
  if (ignoringLabels.some((label) => valueAt(value, ["metadata", "labels", label]) !== undefined)) return true;
  return valueAt(value, ["addressType"]) === "FQDN";
}

/** The endpoints of one slice, or null when it belongs to no service or is wrong, which is reported. */
export function readEndpointSlice(to: Report): EndpointGroup | null {
  const slice = shaped<EndpointSliceObject>(to, endpointSliceSchema);
  if (slice === null) return null;
  const service = serviceOf(to, slice.metadata);
  if (service === null) return null;
  const family = slice.addressType === "IPv4" ? "ipv4" : "ipv6";
  const settings = sliceAnnotations(to, slice.metadata);
  // One array for all endpoints of the slice: a large cluster has some hundred thousand of them.
  const ports = slicePorts(to, slice);
  const endpoints: EndpointSpec[] = [];
  for (const [index, endpoint] of (slice.endpoints ?? []).entries()) {
    const text = endpoint.addresses?.[0];
    if (text === undefined) continue;
    const address = parseSloppyAddress(text);
    const path: Path = ["endpoints", index];
    const addressPath: Path = [...path, "addresses", 0];
    if (!address.ok) {
      reportAddress(to, addressPath, address.reason);
      continue;
    }
    if (address.value.family !== family) {
      const reason = `${address.value.text} is not of the slice's addressType ${slice.addressType}`;
      reportAddress(to, addressPath, reason);
      continue;
    }
    const node = endpoint.nodeName || null;
    if (node !== null) checkObjectName(to, [...path, "nodeName"], node);
    const conditions = endpoint.conditions;
    endpoints.push({
      address: address.value,
      node,
      weight: settings.weight,
      // What is not said is ready, serving, and not terminating.
      ready: conditions?.ready ?? true,
      serving: conditions?.serving ?? true,
      terminating: conditions?.terminating ?? false,
      hints: endpoint.hints === undefined || endpoint.hints === null ? null : hintsOf(to, endpoint.hints, path),
      ports,
      upperThreshold: settings.upperThreshold,
      lowerThreshold: settings.lowerThreshold,
      origin: to.object.at(path),
    });
  }
  return { service, endpoints, origin: to.object.at(["metadata", "name"]) };
}

/** The label decides, not the slice's name or owner. */
function serviceOf(to: Report, metadata: Metadata): string | null {
  checkObjectName(to, ["metadata", "name"], metadata.name);
  const namespace = namespaceOf(to, metadata);
  const service = metadata.labels?.[sliceServiceLabel] ?? "";
  if (service === "") {
    report(to, "kubernetes/slice-without-service", { slice: metadata.name }, ["metadata", "name"], {
      help: `the label ${sliceServiceLabel} names the service`,
    });
    return null;
  }
  if (!isDnsLabel(service)) {
    reportName(to, ["metadata", "labels", sliceServiceLabel], service, dnsLabelWords);
    return null;
  }
  return namespace === null ? null : `${namespace}/${service}`;
}

const protocolWords = { TCP: "tcp", UDP: "udp", SCTP: "sctp" } as const;

/** A port without a name (an empty one is a name) or without a number serves nothing. */
function slicePorts(to: Report, slice: EndpointSliceObject): readonly EndpointPortSpec[] {
  const ports: EndpointPortSpec[] = [];
  for (const [index, port] of (slice.ports ?? []).entries()) {
    const name = port.name;
    if (name === undefined || name === null || !port.port) continue;
    if (name !== "" && !isDnsLabel(name)) reportName(to, ["ports", index, "name"], name, dnsLabelWords);
    ports.push({ name, protocol: protocolWords[port.protocol ?? "TCP"], port: port.port });
  }
  return ports;
}

type Hints = NonNullable<NonNullable<EndpointSliceObject["endpoints"]>[number]["hints"]>;

function hintsOf(to: Report, hints: Hints, endpoint: Path): EndpointSpec["hints"] {
  const zones = (hints.forZones ?? []).map((zone, index) => {
    const path: Path = [...endpoint, "hints", "forZones", index, "name"];
    if (zone.name === "") reportInvalid(to, path, zone.name, "the name of a zone");
    else if (!isLabelValue(zone.name)) reportName(to, path, zone.name, labelValueWords);
    return zone.name;
  });
  const nodes = (hints.forNodes ?? []).map((node, index) => {
    checkObjectName(to, [...endpoint, "hints", "forNodes", index, "name"], node.name);
    return node.name;
  });
  return zones.length === 0 && nodes.length === 0 ? null : { zones, nodes };
}
