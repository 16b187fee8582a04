import type { EndpointPortSpec, EndpointSpec, ServiceSpec } from "../spec/schema.ts";
import { annotationPrefix } from "./annotations.ts";
import { cannotCarry, type Refusals } from "./cannot-carry.ts";
import { splitName } from "./from-service.ts";
import { sliceServiceLabel } from "./metadata.ts";
import { isDnsSubdomain, isLabelValue } from "./names.ts";
import type { Plain } from "./yaml-text.ts";

/** The API server's limit of endpoints in one slice. */
const mostEndpoints = 1000;

/** Endpoints that one slice can hold: of one family, serving the same ports, with the same annotations. */
interface Slice {
  readonly key: string;
  readonly ports: readonly EndpointPortSpec[];
  readonly first: EndpointSpec;
  readonly endpoints: EndpointSpec[];
}

/** The endpoints of a service as EndpointSlice objects. */
export function sliceObjects(service: ServiceSpec, refusals: Refusals): readonly Plain[] {
  for (const endpoint of service.endpoints) checkEndpoint(endpoint, refusals);
  return slicesOf(service).map((slice, index) => sliceObject(service, slice, index + 1));
}

/**
 * An address that is listed twice counts where it stands first, so endpoints of one address keep their order: one of
 * them never goes into a slice before that of an earlier one.
 */
function slicesOf(service: ServiceSpec): readonly Slice[] {
  const slices: Slice[] = [];
  const open = new Map<string, number>();
  const latest = new Map<string, number>();
  for (const endpoint of service.endpoints) {
    const ports = portsOf(service, endpoint);
    const key = sliceKey(endpoint, ports);
    const known = open.get(key) ?? -1;
    const isUsable = known >= (latest.get(endpoint.address.text) ?? 0);
    const slice = isUsable ? slices[known] : undefined;
    if (slice !== undefined && slice.endpoints.length < mostEndpoints) {
      slice.endpoints.push(endpoint);
      latest.set(endpoint.address.text, known);
      continue;
    }
    open.set(key, slices.length);
    latest.set(endpoint.address.text, slices.length);
    slices.push({ key, ports, first: endpoint, endpoints: [endpoint] });
  }
  return slices;
}

function sliceKey(endpoint: EndpointSpec, ports: readonly EndpointPortSpec[]): string {
  return JSON.stringify([
    endpoint.address.family,
    endpoint.weight,
    endpoint.upperThreshold,
    endpoint.lowerThreshold,
    ports.map((port) => [port.name, port.protocol, port.port]),
  ]);
}

/** What the endpoint serves of the service's ports; its other ports have no effect. */
function portsOf(service: ServiceSpec, endpoint: EndpointSpec): readonly EndpointPortSpec[] {
  const { ports } = endpoint;
  if (ports === null)
    return service.ports.map(({ name, protocol, targetPort }) => ({ name, protocol, port: targetPort }));
  return ports.filter((own) => service.ports.some((port) => port.name === own.name && port.protocol === own.protocol));
}

function checkEndpoint(endpoint: EndpointSpec, refusals: Refusals): void {
  for (const name of [endpoint.node, ...(endpoint.hints?.nodes ?? [])]) {
    if (name === null || isDnsSubdomain(name)) continue;
    cannotCarry(refusals, `node name ${JSON.stringify(name)}`, endpoint.origin);
  }
  for (const zone of endpoint.hints?.zones ?? []) {
    if (!isLabelValue(zone)) cannotCarry(refusals, `zone ${JSON.stringify(zone)}`, endpoint.origin);
  }
}

function sliceObject(service: ServiceSpec, { ports, first, endpoints }: Slice, number: number): Plain {
  const { namespace, name } = splitName(service);
  const annotations: Readonly<Record<string, string | undefined>> = {
    [`${annotationPrefix}weight`]: first.weight === 1 ? undefined : String(first.weight),
    [`${annotationPrefix}max-connections`]: first.upperThreshold === 0 ? undefined : String(first.upperThreshold),
    [`${annotationPrefix}min-connections`]: first.lowerThreshold === 0 ? undefined : String(first.lowerThreshold),
  };
  const isAnnotated = Object.values(annotations).some((value) => value !== undefined);
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${name}-${number}`,
      namespace,
      labels: { [sliceServiceLabel]: name },
      annotations: isAnnotated ? annotations : undefined,
    },
    addressType: first.address.family === "ipv4" ? "IPv4" : "IPv6",
    ports: ports.map((port) => ({ name: port.name, protocol: port.protocol.toUpperCase(), port: port.port })),
    endpoints: endpoints.map((endpoint) => ({
      addresses: [endpoint.address.text],
      conditions: { ready: endpoint.ready, serving: endpoint.serving, terminating: endpoint.terminating },
      nodeName: endpoint.node ?? undefined,
      hints: endpoint.hints === null ? undefined : hintsOf(endpoint.hints),
    })),
  };
}

function hintsOf(hints: NonNullable<EndpointSpec["hints"]>): Plain {
  const named = (names: readonly string[]): Plain | undefined =>
    names.length === 0 ? undefined : names.map((name) => ({ name }));
  return { forZones: named(hints.zones), forNodes: named(hints.nodes) };
}
