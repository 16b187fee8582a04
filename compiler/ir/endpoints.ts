import { compareAddresses, type Family, prefixContains } from "../net/address.ts";
import { greatestCommonDivisor } from "../net/fraction.ts";
import { compareNumbers } from "../net/order.ts";
import type { Port } from "../net/port.ts";
import type { EndpointSpec, NodeSpec, ServicePortSpec, ServiceSpec } from "../spec/schema.ts";
import type { IrEndpoint, IrPool } from "./ir.ts";

/** What resolving needs to know of the node and of where endpoints run. */
export interface NodeView {
  readonly node: NodeSpec;
  /** Zone of every described node that has one. */
  readonly zones: ReadonlyMap<string, string>;
}

/** The pools of one service port in one family, and whether any endpoint anywhere could take new connections. */
export interface PortPools {
  readonly cluster: IrPool;
  readonly local: IrPool;
  readonly hasAny: boolean;
}

interface Candidate {
  readonly spec: EndpointSpec;
  readonly port: Port;
  readonly local: boolean;
}

/**
 * Chooses endpoints as kube-proxy's CategorizeEndpoints does: the ready ones, or, where a set has none,
 * those that still serve while terminating; decided for the cluster set and the local set apart.
 * Topology narrows the cluster set only. A weight of 0 takes an endpoint out of both choices.
 */
export function resolvePools(service: ServiceSpec, port: ServicePortSpec, family: Family, view: NodeView): PortPools {
  const candidates = candidatesOf(service, port, family, view);
  const ready = candidates.filter(isReady);
  const fallback = candidates.filter(isServingWhileTerminating);
  const cluster = ready.length > 0 ? withTopology(ready, service, view) : fallback;
  const localReady = ready.filter((candidate) => candidate.local);
  const local = localReady.length > 0 ? localReady : fallback.filter((candidate) => candidate.local);
  const leaving = candidates.filter(mayHoldConnections);
  return {
    cluster: poolOf("cluster", cluster, leaving, view),
    local: poolOf(
      "local",
      local,
      leaving.filter((candidate) => candidate.local),
      view,
    ),
    hasAny: ready.length > 0 || fallback.length > 0,
  };
}

function isReady({ spec }: Candidate): boolean {
  return spec.ready && spec.weight > 0;
}

function isServingWhileTerminating({ spec }: Candidate): boolean {
  return !spec.ready && spec.serving && spec.terminating && spec.weight > 0;
}

/** Takes no new connections unless it is chosen after all, but goes on with those it has. */
function mayHoldConnections({ spec }: Candidate): boolean {
  return spec.ready ? spec.weight === 0 : spec.serving && spec.terminating;
}

/** Endpoints that serve this port, in order, each address and port once: a local entry wins, then the first. */
function candidatesOf(
  service: ServiceSpec,
  port: ServicePortSpec,
  family: Family,
  view: NodeView,
): readonly Candidate[] {
  const candidates: Candidate[] = [];
  for (const spec of service.endpoints) {
    if (spec.address.family !== family) continue;
    const number = portOf(spec, port);
    if (number !== null) candidates.push({ spec, port: number, local: spec.node === view.node.name });
  }
  candidates.sort(compareCandidates);
  return candidates.filter((candidate, at) => {
    const before = candidates[at - 1];
    return (
      before === undefined || before.spec.address.text !== candidate.spec.address.text || before.port !== candidate.port
    );
  });
}

function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    compareAddresses(a.spec.address, b.spec.address) ||
    compareNumbers(a.port, b.port) ||
    compareNumbers(a.local ? 0 : 1, b.local ? 0 : 1)
  );
}

function portOf(endpoint: EndpointSpec, port: ServicePortSpec): Port | null {
  if (endpoint.ports === null) return port.targetPort;
  const own = endpoint.ports.find((candidate) => candidate.name === port.name && candidate.protocol === port.protocol);
  return own?.port ?? null;
}

/**
 * Hints count only if every ready endpoint has one and some point here: first by node, then by zone; otherwise all stay.
 * Source: kube-proxy's topology.go with PreferSameTrafficDistribution.
 */
function withTopology(ready: readonly Candidate[], service: ServiceSpec, view: NodeView): readonly Candidate[] {
  const hints = ready.map((candidate) => hintsOf(candidate.spec, service, view));
  const zone = view.node.zone;
  return (
    chosenBy(
      ready,
      hints.map((hint) => hint.nodes),
      view.node.name,
    ) ??
    (zone === null
      ? null
      : chosenBy(
          ready,
          hints.map((hint) => hint.zones),
          zone,
        )) ??
    ready
  );
}

function chosenBy(
  ready: readonly Candidate[],
  hints: readonly (readonly string[])[],
  here: string,
): readonly Candidate[] | null {
  if (hints.some((hint) => hint.length === 0)) return null;
  const chosen = ready.filter((_, at) => hints[at]?.includes(here) === true);
  return chosen.length > 0 ? chosen : null;
}

const noHints = { nodes: [], zones: [] } as const;

/** An endpoint's own hints, or what the service's `traffic` makes of the place where it runs. */
function hintsOf(
  endpoint: EndpointSpec,
  service: ServiceSpec,
  view: NodeView,
): { readonly nodes: readonly string[]; readonly zones: readonly string[] } {
  if (endpoint.hints !== null) return endpoint.hints;
  if (service.traffic === null || endpoint.node === null) return noHints;
  const zone = view.zones.get(endpoint.node);
  return {
    nodes: service.traffic === "prefer-node" ? [endpoint.node] : [],
    zones: zone === undefined ? [] : [zone],
  };
}

function poolOf(
  scope: IrPool["scope"],
  chosen: readonly Candidate[],
  leaving: readonly Candidate[],
  view: NodeView,
): IrPool {
  const divisor = greatestCommonDivisor(chosen.map((candidate) => candidate.spec.weight));
  const endpoints = chosen.map((candidate) => endpointOf(candidate, candidate.spec.weight / divisor, view));
  const drained = leaving.length === 0 ? [] : leaving.filter((candidate) => !chosen.includes(candidate));
  return {
    scope,
    endpoints,
    drained: drained.map((candidate) => endpointOf(candidate, 0, view)),
    totalWeight: endpoints.reduce((sum, endpoint) => sum + endpoint.weight, 0),
  };
}

function endpointOf({ spec, port, local }: Candidate, weight: number, view: NodeView): IrEndpoint {
  return {
    address: spec.address,
    port,
    weight,
    local,
    mayHairpin: local || view.node.pods.some((prefix) => prefixContains(prefix, spec.address)),
    upperThreshold: spec.upperThreshold,
    lowerThreshold: spec.lowerThreshold,
    origin: spec.origin,
  };
}
