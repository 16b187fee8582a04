import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import { compareText } from "../net/order.ts";
import type { Location } from "../source.ts";
import { reachableFamilies } from "./families.ts";
import type { ClusterSetting, EndpointGroup, SpecFragment } from "./fragment.ts";
import { splitRepeated } from "./repeated.ts";
import type { ClusterSpec, EndpointSpec, NodeSpec, ServiceSpec, Spec } from "./schema.ts";

/**
 * What holds where no input says otherwise. Mark bits are those of kube-proxy and kubelet, and one that no
 * common CNI plugin uses (portmap has bit 13); proxy ports lie above the kubelet's and kube-proxy's own (10248 to 10259)
 * and below the usual node ports.
 */
export const defaultCluster: ClusterSpec = {
  pods: [],
  serviceRanges: [],
  nodePortRange: null,
  nodePortAddresses: { kind: "any" },
  detector: { kind: "cluster-pods" },
  masqueradeAll: false,
  masqueradeBit: 14,
  dropBit: 15,
  rejectBit: 12,
  guards: [],
  proxyPorts: { first: 12000, last: 29999 },
  ipvsStrictArp: false,
  ipvsTcpTimeout: 0,
  ipvsTcpFinTimeout: 0,
  ipvsUdpTimeout: 0,
  ipvsExcludedRanges: [],
  ipvsScheduler: null,
  allowedWarnings: [],
  settingOrigins: {},
};

/** Settings that several inputs may add to; all others may be given twice only with the same value. */
const listSettings = ["pods", "serviceRanges", "guards", "ipvsExcludedRanges", "allowedWarnings"] as const;

export interface Merged {
  readonly spec: Spec;
  readonly diagnostics: readonly Diagnostic[];
}

/** Joins what all inputs declare. The result does not depend on the order of inputs or declarations. */
export function mergeFragments(fragments: readonly SpecFragment[]): Merged {
  const diagnostics: Diagnostic[] = [];
  const cluster = mergeSettings(
    fragments.flatMap((fragment) => fragment.settings),
    diagnostics,
  );
  const nodes = mergeNodes(
    fragments.flatMap((fragment) => fragment.nodes),
    diagnostics,
  );
  const declared = mergeServices(
    fragments.flatMap((fragment) => fragment.services),
    diagnostics,
  );
  const services = withGroups(
    declared,
    fragments.flatMap((fragment) => fragment.endpointGroups),
    diagnostics,
  );
  const expects = fragments.flatMap((fragment) => fragment.expects);
  return { spec: { cluster, nodes, services, expects }, diagnostics };
}

function isListSetting(key: string): boolean {
  return listSettings.some((listed) => listed === key);
}

/** Settings whose word in the language is not their name with hyphens. */
const unlikeWords: Readonly<Record<string, string>> = {
  serviceRanges: "service-range",
  detector: "local-traffic",
  guards: "guard",
  ipvsScheduler: "scheduler",
  ipvsStrictArp: "strict-arp",
  ipvsTcpTimeout: "tcp-timeout",
  ipvsTcpFinTimeout: "tcp-fin-timeout",
  ipvsUdpTimeout: "udp-timeout",
  ipvsExcludedRanges: "exclude-ranges",
  allowedWarnings: "allow warning",
};

/** A setting as people write it: `nodePortRange` is `node-port-range`. */
function settingWord(key: string): string {
  return unlikeWords[key] ?? key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A text that is equal exactly when two setting values are; places do not count. */
function fingerprint(value: unknown): string {
  return JSON.stringify(value, (key, item: unknown) => {
    if (key === "origin") return undefined;
    return typeof item === "bigint" ? item.toString() : item;
  });
}

function mergeSettings(settings: readonly ClusterSetting[], diagnostics: Diagnostic[]): ClusterSpec {
  const values = new Map<string, unknown>();
  /** What lists were given so far; put in order once, because thousands of lines may add to one. */
  const lists = new Map<string, unknown[]>();
  const origins = new Map<string, Location>();
  for (const setting of settings) {
    const first = origins.get(setting.key);
    const list = lists.get(setting.key);
    if (first === undefined) {
      if (Array.isArray(setting.value)) lists.set(setting.key, [...setting.value]);
      else values.set(setting.key, setting.value);
      origins.set(setting.key, setting.origin);
    } else if (isListSetting(setting.key) && list !== undefined && Array.isArray(setting.value)) {
      for (const item of setting.value) list.push(item);
    } else if (fingerprint(list ?? values.get(setting.key)) !== fingerprint(setting.value)) {
      diagnostics.push(
        diagnostic(
          "spec/duplicate-setting",
          { setting: settingWord(setting.key) },
          {
            at: setting.origin,
            notes: [{ message: "first given here", location: first }],
            help: "keep one of them; every node compiles with the same cluster settings",
          },
        ),
      );
    }
  }
  for (const [key, items] of lists) values.set(key, distinct(items));
  return { ...defaultCluster, ...Object.fromEntries(values), settingOrigins: Object.fromEntries(origins) };
}

/** In the order of their fingerprints, so that the order of inputs does not show. */
function distinct(items: readonly unknown[]): readonly unknown[] {
  const byFingerprint = new Map(items.map((item) => [fingerprint(item), item]));
  return [...byFingerprint].sort(([a], [b]) => compareText(a, b)).map(([, item]) => item);
}

function mergeNodes(nodes: readonly NodeSpec[], diagnostics: Diagnostic[]): readonly NodeSpec[] {
  return firstOfEach(nodes, (node, first) =>
    diagnostics.push(
      diagnostic(
        "spec/duplicate-node",
        { node: node.name },
        {
          at: node.origin,
          notes: [{ message: "first declared here", location: first.origin }],
          help: "join the two declarations into one",
        },
      ),
    ),
  );
}

function mergeServices(services: readonly ServiceSpec[], diagnostics: Diagnostic[]): readonly ServiceSpec[] {
  return firstOfEach(services, (service, first) =>
    diagnostics.push(
      diagnostic(
        "spec/duplicate-service",
        { service: service.name },
        {
          at: service.origin,
          notes: [{ message: "first declared here", location: first.origin }],
          help: "join the two declarations into one, or rename one of them",
        },
      ),
    ),
  );
}

/** Sorted by name; `onRepeated` is told of every further one with a name already seen. */
function firstOfEach<T extends { readonly name: string }>(
  items: readonly T[],
  onRepeated: (repeated: T, first: T) => void,
): readonly T[] {
  const { firsts, repeated } = splitRepeated(items, (item) => item.name);
  for (const { item, first } of repeated) onRepeated(item, first);
  return [...firsts].sort((a, b) => compareText(a.name, b.name));
}

/**
 * Adds the endpoints of slices to their services. Slices of services that are not ours (headless ones have slices too)
 * are left out with a note, and so are, silently, endpoints of a family that the service has no address in:
 * kube-proxy runs once for each family, and a service without a cluster IP of the family does not exist there.
 */
function withGroups(
  services: readonly ServiceSpec[],
  groups: readonly EndpointGroup[],
  diagnostics: Diagnostic[],
): readonly ServiceSpec[] {
  if (groups.length === 0) return services;
  const byService = new Map<string, EndpointGroup[]>();
  for (const group of groups) {
    const known = byService.get(group.service);
    if (known === undefined) byService.set(group.service, [group]);
    else known.push(group);
  }
  const joined = services.map((service) => {
    const own = byService.get(service.name);
    if (own === undefined) return service;
    byService.delete(service.name);
    return withEndpoints(service, usefulEndpoints(service, own));
  });
  for (const [service, orphans] of byService) {
    for (const group of orphans) {
      diagnostics.push(diagnostic("spec/orphan-endpoints", { service }, { at: group.origin }));
    }
  }
  return joined;
}

function withEndpoints(service: ServiceSpec, added: readonly EndpointSpec[]): ServiceSpec {
  return { ...service, endpoints: service.endpoints.length === 0 ? added : service.endpoints.concat(added) };
}

function usefulEndpoints(service: ServiceSpec, groups: readonly EndpointGroup[]): readonly EndpointSpec[] {
  const [first, ...others] = groups;
  const endpoints =
    others.length === 0 && first !== undefined ? first.endpoints : groups.flatMap((group) => group.endpoints);
  // Only a service without any address of its own is reached in the families of its endpoints.
  const useful = reachableFamilies(service.vips.length > 0 ? service : withEndpoints(service, endpoints));
  const isUseful = (endpoint: EndpointSpec) => useful.has(endpoint.address.family);
  return endpoints.every(isUseful) ? endpoints : endpoints.filter(isUseful);
}
