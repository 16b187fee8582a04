import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import {
  compareAddresses,
  comparePrefixes,
  type Family,
  hostPrefix,
  type IpAddress,
  type Prefix,
  prefixContains,
  withoutCovered,
} from "../net/address.ts";
import { compareNumbers, compareText } from "../net/order.ts";
import { compareProtocols, type PortRange } from "../net/port.ts";
import { serviceFamilies } from "../spec/families.ts";
import type { ClusterSpec, NodeSpec, ServicePortSpec, ServiceSpec, Spec } from "../spec/schema.ts";
import { type NodeView, type PortPools, resolvePools } from "./endpoints.ts";
import type {
  IrAddressFrontend,
  IrDetector,
  IrFrontend,
  IrNodePortAddresses,
  IrService,
  NodeIr,
  PerFamily,
  ServiceKey,
} from "./ir.ts";
import { type RoutePolicies, resolveRoutes } from "./routes.ts";

export interface Resolved {
  readonly ir: NodeIr;
  readonly diagnostics: readonly Diagnostic[];
}

/** Decides everything for one node. `node` comes from the spec, from a Kubernetes Node, or from the command line. */
export function resolveNode(spec: Spec, node: NodeSpec): Resolved {
  const { cluster } = spec;
  const detector = perFamily((family) => detectorOf(cluster, node, family));
  const zones = new Map(
    spec.nodes.flatMap((known) => (known.zone === null ? [] : [[known.name, known.zone] as const])),
  );
  const view: NodeView = { node, zones };
  const services = [...spec.services]
    .sort((a, b) => compareText(a.name, b.name))
    .map((service) => resolveService(service, cluster, detector, view));
  const frontends = perFamily((family) =>
    services
      .flatMap((service) => service.frontends.filter((frontend) => frontend.family === family))
      .sort(compareFrontends),
  );
  const vips = services.flatMap((service) => service.vips);
  const ir: NodeIr = {
    node: { name: node.name, zone: node.zone, addresses: node.addresses },
    detector,
    serviceRanges: perFamily((family) => withoutCovered(ofFamily(cluster.serviceRanges, family))),
    vips: perFamily((family) => distinctAddresses(vips.filter((vip) => vip.family === family))),
    nodePortAddresses: perFamily((family) => nodePortAddressesOf(cluster, node, family)),
    frontends,
    services,
    marks: {
      masquerade: markOf(cluster.masqueradeBit),
      drop: markOf(cluster.dropBit),
      reject: markOf(cluster.rejectBit),
    },
    ipvs: {
      strictArp: cluster.ipvsStrictArp,
      tcpTimeoutSeconds: cluster.ipvsTcpTimeout,
      tcpFinTimeoutSeconds: cluster.ipvsTcpFinTimeout,
      udpTimeoutSeconds: cluster.ipvsUdpTimeout,
      excludedRanges: [...cluster.ipvsExcludedRanges].sort(comparePrefixes),
      defaultScheduler: cluster.ipvsScheduler ?? "wrr",
    },
    proxyPorts: proxyPortsOf(cluster),
    allowedWarnings: cluster.allowedWarnings,
  };
  return { ir, diagnostics: checkPrimary(spec, node) };
}

function perFamily<T>(make: (family: Family) => T): PerFamily<T> {
  return { ipv4: make("ipv4"), ipv6: make("ipv6") };
}

function ofFamily(prefixes: readonly Prefix[], family: Family): readonly Prefix[] {
  return prefixes.filter((prefix) => prefix.address.family === family);
}

/**
 * A declared range is kept to. Without one, a spec too large for the usual range goes on above the usual node ports,
 * though clients' own ports are taken from there too (net.ipv4.ip_local_port_range).
 */
function proxyPortsOf(cluster: ClusterSpec): readonly PortRange[] {
  const isDeclared = cluster.settingOrigins.proxyPorts !== undefined;
  return isDeclared ? [cluster.proxyPorts] : [cluster.proxyPorts, { first: 32768, last: 65535 }];
}

/** A bit of the 32-bit packet mark as an unsigned number. */
function markOf(bit: number): number {
  return 2 ** bit;
}

function distinctAddresses(addresses: readonly IpAddress[]): readonly IpAddress[] {
  const byText = new Map(addresses.map((address) => [address.text, address]));
  return [...byText.values()].sort(compareAddresses);
}

/** Pod ranges of the other family alone mean that this family has no detector. */
function detectorOf(cluster: ClusterSpec, node: NodeSpec, family: Family): IrDetector {
  switch (cluster.detector.kind) {
    case "cluster-pods":
      return detectorByPrefixes(ofFamily(cluster.pods, family));
    case "node-pods":
      return detectorByPrefixes(ofFamily(node.pods, family));
    case "bridge-interface":
      return { kind: "interface", name: cluster.detector.name };
    case "interface-prefix":
      return { kind: "interface-prefix", prefix: cluster.detector.prefix };
    case "none":
      return { kind: "none" };
  }
}

function detectorByPrefixes(prefixes: readonly Prefix[]): IrDetector {
  return prefixes.length === 0 ? { kind: "none" } : { kind: "prefixes", prefixes: withoutCovered(prefixes) };
}

function nodePortAddressesOf(cluster: ClusterSpec, node: NodeSpec, family: Family): IrNodePortAddresses {
  const selection = cluster.nodePortAddresses;
  switch (selection.kind) {
    case "any":
      return { kind: "any" };
    case "primary": {
      const primary = node.addresses.find((address) => address.family === family);
      return { kind: "prefixes", prefixes: primary === undefined ? [] : [hostPrefix(primary)] };
    }
    case "prefixes": {
      const own = ofFamily(selection.prefixes, family);
      const selectsAll = own.length === 0 || own.some((prefix) => prefix.length === 0);
      return selectsAll ? { kind: "any" } : { kind: "prefixes", prefixes: withoutCovered(own) };
    }
  }
}

function checkPrimary(spec: Spec, node: NodeSpec): readonly Diagnostic[] {
  const wanted = spec.cluster.nodePortAddresses.kind === "primary" && node.addresses.length === 0;
  if (!wanted || !spec.services.some((service) => service.ports.some((port) => port.nodePort !== null))) return [];
  return [
    diagnostic(
      "spec/primary-without-address",
      { node: node.name },
      {
        at: spec.cluster.settingOrigins.nodePortAddresses ?? null,
        help: `give node ${node.name} an address, or say which addresses serve node ports`,
      },
    ),
  ];
}

function serviceKey(service: ServiceSpec, port: ServicePortSpec): ServiceKey {
  return port.name === "" ? service.name : `${service.name}:${port.name}`;
}

function resolveService(
  service: ServiceSpec,
  cluster: ClusterSpec,
  detector: PerFamily<IrDetector>,
  view: NodeView,
): IrService {
  return {
    name: service.name,
    frontends: service.ports.flatMap((port) => resolvePort(service, port, cluster, detector, view)),
    vips: distinctAddresses(service.vips.map((vip) => vip.address)),
    healthCheckPort: service.healthCheckPort,
    allowedWarnings: service.allowedWarnings,
    settingOrigins: service.settingOrigins,
    origin: service.origin,
  };
}

/** All frontends of one service port: cluster VIPs, external addresses, load balancers, node port; each in address order. */
function resolvePort(
  service: ServiceSpec,
  port: ServicePortSpec,
  cluster: ClusterSpec,
  detector: PerFamily<IrDetector>,
  view: NodeView,
): readonly IrFrontend[] {
  const known = new Map<Family, PortPools>();
  const poolsOf = (family: Family): PortPools => {
    const pools = known.get(family) ?? resolvePools(service, port, family, view);
    known.set(family, pools);
    return pools;
  };
  const routesOf = (kind: IrFrontend["kind"], family: Family) =>
    resolveRoutes(kind, poolsOf(family), policiesOf(service, cluster, detector[family]));
  const settings = settingsOf(service, port);
  const frontends: IrFrontend[] = [];
  const add = (kind: IrAddressFrontend["kind"], address: IpAddress, sourceRanges: readonly Prefix[] | null) => {
    const { family } = address;
    const routes = routesOf(kind, family);
    frontends.push({ kind, family, address, port: port.port, routes, sourceRanges, ...settings });
  };
  for (const { address } of inOrder(service.vips)) add("cluster", address, null);
  for (const { address } of inOrder(service.externals)) add("external", address, null);
  for (const { address, allow } of inOrder(service.loadBalancers)) {
    const { family } = address;
    add("load-balancer", address, poolsOf(family).hasAny ? sourceRangesOf(allow, family, service, view) : null);
  }
  if (port.nodePort === null) return frontends;
  for (const family of serviceFamilies(service)) {
    const routes = routesOf("node-port", family);
    const place = { kind: "node-port", family, address: null, port: port.nodePort, sourceRanges: null } as const;
    frontends.push({ ...place, routes, ...settings });
  }
  return frontends;
}

/** What all frontends of a service port have in common. */
function settingsOf(service: ServiceSpec, port: ServicePortSpec) {
  return {
    key: serviceKey(service, port),
    protocol: port.protocol,
    affinity: service.affinity,
    scheduler: service.scheduler,
    schedulerFlags: [...service.schedulerFlags].sort(compareText),
    onePacket: service.onePacket && port.protocol === "udp",
    forwarding: service.forwarding,
    origin: port.origin,
  };
}

function policiesOf(service: ServiceSpec, cluster: ClusterSpec, detector: IrDetector): RoutePolicies {
  return {
    internalPolicy: service.internalPolicy,
    externalPolicy: service.externalPolicy,
    masqueradeAll: cluster.masqueradeAll,
    detector,
    isTranslated: service.forwarding.method === "nat",
  };
}

function inOrder<T extends { readonly address: IpAddress }>(items: readonly T[]): readonly T[] {
  return items.length < 2 ? items : [...items].sort((a, b) => compareAddresses(a.address, b.address));
}

/**
 * Who may use a load balancer's address; null is everyone. A list with ranges of the other family alone says nothing
 * of this one. When a range holds the node itself, the service's own load-balancer addresses are sources too: traffic
 * of the node that comes back translated. Source: kube-proxy, syncProxyRules, allowFromNode.
 */
function sourceRangesOf(
  allow: readonly Prefix[] | null,
  family: Family,
  service: ServiceSpec,
  view: NodeView,
): readonly Prefix[] | null {
  const own = ofFamily(allow ?? [], family);
  if (own.length === 0) return null;
  const nodeAllowed = view.node.addresses.some((address) => own.some((prefix) => prefixContains(prefix, address)));
  const balancers = service.loadBalancers.filter(({ address }) => address.family === family);
  const ranges = withoutCovered(nodeAllowed ? [...own, ...balancers.map(({ address }) => hostPrefix(address))] : own);
  return ranges.some((prefix) => prefix.length === 0) ? null : ranges;
}

/** Dispatch order: addresses before node ports, by address, protocol, port. */
export function compareFrontends(a: IrFrontend, b: IrFrontend): number {
  if (a.address === null || b.address === null) {
    if (a.address !== null) return -1;
    if (b.address !== null) return 1;
    return compareProtocols(a.protocol, b.protocol) || compareNumbers(a.port, b.port);
  }
  return (
    compareAddresses(a.address, b.address) || compareProtocols(a.protocol, b.protocol) || compareNumbers(a.port, b.port)
  );
}
