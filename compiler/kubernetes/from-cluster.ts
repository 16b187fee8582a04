import { type Family, families, type Prefix } from "../net/address.ts";
import type { PortRange } from "../net/port.ts";
import type { Location } from "../source.ts";
import { defaultCluster } from "../spec/merge.ts";
import type { ClusterSpec, DetectorSpec, NodePortAddressesSpec, NodeSpec } from "../spec/schema.ts";
import { cannotCarry, type Refusals } from "./cannot-carry.ts";
import { nodeZoneLabel } from "./metadata.ts";
import { isDnsSubdomain, isInterfaceName, isLabelValue } from "./names.ts";
import type { Plain } from "./yaml-text.ts";

/** Settings that no Kubernetes object has, and what they are called. */
const homeless = [
  ["nodePortRange", "node-port-range", "it is an option of the API server: --service-node-port-range"],
  ["dropBit", "drop-bit", undefined],
  ["rejectBit", "reject-bit", undefined],
  ["guards", "guard", "keep guards in a .weir file beside the objects"],
  ["allowedWarnings", "allow warning for the whole cluster", "use the annotation weir/allow on services"],
] as const;

/** The cluster settings that are not at their defaults, as a KubeProxyConfiguration and ServiceCIDR objects. */
export function clusterObjects(cluster: ClusterSpec, refusals: Refusals): readonly Plain[] {
  const at = (key: keyof ClusterSpec): Location | null => cluster.settingOrigins[key] ?? null;
  for (const [key, words, help] of homeless) {
    if (!isDefault(cluster, key)) cannotCarry(refusals, words, at(key), help);
  }
  if (hasRepeatedFamily(cluster.pods)) {
    cannotCarry(refusals, "more than one range of pods in a family", at("pods"), "clusterCIDR holds one of each");
  }
  if (cluster.detector.kind === "none" && cluster.pods.length > 0) {
    const help = "remove the ranges: without a detector they have no effect";
    cannotCarry(refusals, "local-traffic none with ranges of pods", at("detector"), help);
  }
  checkInterface(cluster.detector, at("detector"), refusals);
  const settings = proxySettings(cluster);
  const configuration: readonly Plain[] = Object.values(settings).every((value) => value === undefined)
    ? []
    : [{ apiVersion: "kubeproxy.config.k8s.io/v1alpha1", kind: "KubeProxyConfiguration", ...settings }];
  const ranges = cluster.serviceRanges.map((prefix, index) => ({
    apiVersion: "networking.k8s.io/v1",
    kind: "ServiceCIDR",
    metadata: { name: `service-range-${index + 1}` },
    spec: { cidrs: [prefix.text] },
  }));
  return [...configuration, ...ranges];
}

function isDefault(cluster: ClusterSpec, key: keyof ClusterSpec): boolean {
  return JSON.stringify(cluster[key], bigintAsText) === JSON.stringify(defaultCluster[key], bigintAsText);
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

function hasRepeatedFamily(prefixes: readonly Prefix[]): boolean {
  return families.some((family: Family) => prefixes.filter((prefix) => prefix.address.family === family).length > 1);
}

function checkInterface(detector: DetectorSpec, at: Location | null, refusals: Refusals): void {
  const name =
    detector.kind === "bridge-interface"
      ? detector.name
      : detector.kind === "interface-prefix"
        ? detector.prefix
        : null;
  if (name !== null && !isInterfaceName(name, 15)) cannotCarry(refusals, `interface name ${JSON.stringify(name)}`, at);
}

/** undefined for every part that is at its default. */
function proxySettings(cluster: ClusterSpec): Readonly<Record<string, Plain | undefined>> {
  const common = {
    masqueradeBit: unless(cluster.masqueradeBit, defaultCluster.masqueradeBit),
    masqueradeAll: unless(cluster.masqueradeAll, false),
  };
  return {
    clusterCIDR: cluster.pods.length === 0 ? undefined : cluster.pods.map((prefix) => prefix.text).join(","),
    ...detectorSettings(cluster.detector),
    nodePortAddresses: addressSettings(cluster.nodePortAddresses),
    // Both sections, because the one that counts depends on a mode that the spec does not name.
    iptables: section(common),
    nftables: section(common),
    ipvs: section({
      scheduler: cluster.ipvsScheduler ?? undefined,
      excludeCIDRs:
        cluster.ipvsExcludedRanges.length === 0 ? undefined : cluster.ipvsExcludedRanges.map((prefix) => prefix.text),
      strictARP: unless(cluster.ipvsStrictArp, false),
      tcpTimeout: seconds(cluster.ipvsTcpTimeout),
      tcpFinTimeout: seconds(cluster.ipvsTcpFinTimeout),
      udpTimeout: seconds(cluster.ipvsUdpTimeout),
    }),
    portRange: isDefault(cluster, "proxyPorts") ? undefined : rangeText(cluster.proxyPorts),
  };
}

function unless<T extends Plain>(value: T, standard: T): T | undefined {
  return value === standard ? undefined : value;
}

function section(fields: Readonly<Record<string, Plain | undefined>>): Plain | undefined {
  return Object.values(fields).every((value) => value === undefined) ? undefined : fields;
}

function seconds(value: number): string | undefined {
  return value === 0 ? undefined : `${value}s`;
}

function rangeText(range: PortRange): string {
  return `${range.first}-${range.last}`;
}

function detectorSettings(detector: DetectorSpec): Readonly<Record<string, Plain | undefined>> {
  switch (detector.kind) {
    case "cluster-pods":
    // ClusterCIDR without a range is how Kubernetes says that there is no detector.
    case "none":
      return {};
    case "node-pods":
      return { detectLocalMode: "NodeCIDR" };
    case "bridge-interface":
      return { detectLocalMode: "BridgeInterface", detectLocal: { bridgeInterface: detector.name } };
    case "interface-prefix":
      return { detectLocalMode: "InterfaceNamePrefix", detectLocal: { interfaceNamePrefix: detector.prefix } };
  }
}

function addressSettings(addresses: NodePortAddressesSpec): Plain | undefined {
  if (addresses.kind === "any") return undefined;
  return addresses.kind === "primary" ? ["primary"] : addresses.prefixes.map((prefix) => prefix.text);
}

export function nodeObject(node: NodeSpec, refusals: Refusals): Plain {
  if (!isDnsSubdomain(node.name)) cannotCarry(refusals, `node name ${JSON.stringify(node.name)}`, node.origin);
  if (node.zone !== null && !isLabelValue(node.zone)) {
    cannotCarry(refusals, `zone ${JSON.stringify(node.zone)}`, node.origin);
  }
  if (hasRepeatedFamily(node.pods)) {
    cannotCarry(refusals, `more than one range of pods in a family on node ${node.name}`, node.origin);
  }
  const pods = node.pods.map((prefix) => prefix.text);
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: node.name, labels: node.zone === null ? undefined : { [nodeZoneLabel]: node.zone } },
    spec: pods.length === 0 ? undefined : { podCIDR: pods[0], podCIDRs: pods },
    status:
      node.addresses.length === 0
        ? undefined
        : { addresses: node.addresses.map((address) => ({ type: "InternalIP", address: address.text })) },
  };
}
