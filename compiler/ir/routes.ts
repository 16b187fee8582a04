import type { PortPools } from "./endpoints.ts";
import type { FrontendKind, IrDetector, IrPool, IrRoute } from "./ir.ts";

/** What decides the routes of one frontend, apart from its endpoints. */
export interface RoutePolicies {
  readonly internalPolicy: "cluster" | "local";
  readonly externalPolicy: "cluster" | "local";
  readonly masqueradeAll: boolean;
  readonly detector: IrDetector;
  /** Direct routing and tunnels leave packets as they are: the server answers the client by itself. */
  readonly isTranslated: boolean;
}

/**
 * The routes of one frontend, in the order in which they are tried.
 * Cluster VIPs: the pool of the internal policy; masqueraded when asked for all, or when a detector is there and
 * the source is no pod. External addresses and node ports: with policy `cluster` the cluster pool, masqueraded; with
 * policy `local` the local pool with the client's address kept, but pods and the node itself take the cluster pool,
 * so that they need not leave the node to come back. Source: kube-proxy's iptables and nftables modes.
 */
export function resolveRoutes(kind: FrontendKind, pools: PortPools, policies: RoutePolicies): readonly IrRoute[] {
  const routes = kind === "cluster" ? internalRoutes(pools, policies) : externalRoutes(pools, policies);
  return withoutIdle(policies.isTranslated ? routes : routes.map((item) => ({ ...item, masquerade: false })));
}

function internalRoutes(pools: PortPools, policies: RoutePolicies): readonly IrRoute[] {
  const pool = policies.internalPolicy === "local" ? pools.local : pools.cluster;
  if (policies.masqueradeAll) return [route("any", pool, true, pools)];
  if (policies.detector.kind === "none") return [route("any", pool, false, pools)];
  return [route("pod", pool, false, pools), route("any", pool, true, pools)];
}

function externalRoutes(pools: PortPools, policies: RoutePolicies): readonly IrRoute[] {
  if (policies.externalPolicy === "cluster") return [route("any", pools.cluster, true, pools)];
  const pods = policies.detector.kind === "none" ? [] : [route("pod", pools.cluster, false, pools)];
  return [...pods, route("node", pools.cluster, true, pools), route("any", pools.local, false, pools)];
}

function route(sources: IrRoute["sources"], pool: IrPool, masquerade: boolean, pools: PortPools): IrRoute {
  const isEmpty = pool.endpoints.length === 0;
  return { sources, pool, masquerade: masquerade && !isEmpty, whenEmpty: isEmpty && pools.hasAny ? "drop" : "reject" };
}

/** Leaves out routes before the last one that do what it does: all sources meet the same empty pool. */
function withoutIdle(routes: readonly IrRoute[]): readonly IrRoute[] {
  const last = routes.at(-1);
  if (last === undefined || last.pool.endpoints.length > 0) return routes;
  const same = routes.every((item) => item.pool.endpoints.length === 0 && item.whenEmpty === last.whenEmpty);
  return same ? [last] : routes;
}
