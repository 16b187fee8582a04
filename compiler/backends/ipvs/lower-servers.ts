import type { IrEndpoint, IrFrontend, IrPool, NodeIr } from "../../ir/ir.ts";
import { addressWidth, compareAddresses, type Family } from "../../net/address.ts";
import { compareNumbers } from "../../net/order.ts";
import { assert, unreachable } from "../../result.ts";
import type { Forwarding } from "../../spec/schema.ts";
import type { FrontendPlan, PoolPlan } from "./lower-frontend.ts";
import type { MarkLayout } from "./names.ts";
import type { ForwardingMethod, Persistence, RealServer, VirtualServer, VirtualServerId } from "./program.ts";

/** The virtual servers of one family, frontend by frontend. A pool without any server has none. */
export function lowerVirtualServers(
  family: Family,
  plans: readonly FrontendPlan[],
  marks: ReadonlyMap<string, number>,
  layout: MarkLayout,
  ir: NodeIr,
): readonly VirtualServer[] {
  const cache: RealServerCache = new Map();
  const servers: VirtualServer[] = [];
  for (const { frontend, pools } of plans) {
    for (const plan of pools) {
      if (plan.pool.endpoints.length + plan.pool.drained.length === 0) continue;
      const realServers = realServersOf(plan.pool, frontend.forwarding, cache);
      servers.push(virtualServerOf(frontend, plan, marks, realServers, ir));
    }
  }
  if (plans.some(refusesBesideServing)) servers.push(refusingServer(family, layout));
  return servers;
}

function virtualServerOf(
  frontend: IrFrontend,
  plan: PoolPlan,
  marks: ReadonlyMap<string, number>,
  realServers: readonly RealServer[],
  ir: NodeIr,
): VirtualServer {
  const byHash = needsHashedAffinity(frontend, plan);
  const scheduler = byHash ? "mh" : (frontend.scheduler ?? ir.ipvs.defaultScheduler);
  const hashes = scheduler === "sh" || scheduler === "mh";
  return {
    id: idOf(frontend, plan, marks),
    key: frontend.key,
    scheduler,
    schedulerFlags: byHash ? ["fallback"] : hashes ? frontend.schedulerFlags : [],
    persistence: byHash ? null : persistenceOf(frontend),
    onePacket: keepsOnePacket(frontend),
    realServers,
  };
}

function idOf(frontend: IrFrontend, plan: PoolPlan, marks: ReadonlyMap<string, number>): VirtualServerId {
  const { family, address, protocol, port } = frontend;
  if (plan.markIdentity === null) {
    assert(address !== null, `${frontend.key} has no address`);
    return { kind: "address", address, protocol, port };
  }
  const mark = marks.get(plan.markIdentity);
  assert(mark !== undefined, `${frontend.key} has no mark`);
  return { kind: "mark", family, mark };
}

/**
 * A persistent virtual server by mark sends clients to the port that they asked for, whatever port the server has
 * (ip_vs_sched_persist compares with the virtual server's port, which is 0 there). Where ports differ, affinity is kept
 * by hashing the client's address.
 */
export function needsHashedAffinity(frontend: IrFrontend, plan: PoolPlan): boolean {
  if (frontend.affinity === null || plan.markIdentity === null) return false;
  return plan.pool.endpoints.some((endpoint) => endpoint.port !== frontend.port);
}

/** The kernel translates no replies of connections that it does not keep, so one-packet scheduling and masq exclude each other. */
export function keepsOnePacket(frontend: IrFrontend): boolean {
  return frontend.onePacket && frontend.protocol === "udp" && frontend.forwarding.method !== "nat";
}

function persistenceOf({ affinity, family }: IrFrontend): Persistence | null {
  if (affinity === null) return null;
  return {
    timeoutSeconds: affinity.timeoutSeconds,
    prefixLength: affinity.netmask?.[family] ?? addressWidth(family),
  };
}

/** Whether an address is served for some sources and refused to others. */
function refusesBesideServing(plan: FrontendPlan): boolean {
  const serves = plan.pools.some(({ markIdentity, pool }) => markIdentity === null && pool.endpoints.length > 0);
  return serves && [plan.outside, plan.pod, plan.node].some((action) => action?.kind === "reject");
}

/**
 * Refuses what the node's own processes send: IPVS looks before filter OUTPUT does, and would find the virtual server by
 * address. Without real servers it answers with ICMP port unreachable (ip_vs_leave).
 */
function refusingServer(family: Family, layout: MarkLayout): VirtualServer {
  return {
    id: { kind: "mark", family, mark: layout.refused },
    key: null,
    scheduler: "rr",
    schedulerFlags: [],
    persistence: null,
    onePacket: false,
    realServers: [],
  };
}

type RealServerCache = Map<IrPool, Map<Forwarding, readonly RealServer[]>>;

/** Frontends that share a pool share its servers. */
function realServersOf(pool: IrPool, forwarding: Forwarding, cache: RealServerCache): readonly RealServer[] {
  const known = cache.get(pool) ?? new Map<Forwarding, readonly RealServer[]>();
  cache.set(pool, known);
  const made = known.get(forwarding) ?? makeRealServers(pool, methodOf(forwarding));
  known.set(forwarding, made);
  return made;
}

/** Drained endpoints stand among the others, so that draining one changes a weight and moves nothing. */
function makeRealServers(pool: IrPool, method: ForwardingMethod): readonly RealServer[] {
  const all = pool.drained.length === 0 ? pool.endpoints : [...pool.endpoints, ...pool.drained].sort(compareEndpoints);
  return all.map(({ address, port, weight, upperThreshold, lowerThreshold }) => ({
    address,
    port,
    method,
    weight,
    upperThreshold,
    lowerThreshold,
  }));
}

function compareEndpoints(a: IrEndpoint, b: IrEndpoint): number {
  return compareAddresses(a.address, b.address) || compareNumbers(a.port, b.port);
}

const masq: ForwardingMethod = { kind: "masq" };
const direct: ForwardingMethod = { kind: "route" };

function methodOf(forwarding: Forwarding): ForwardingMethod {
  switch (forwarding.method) {
    case "nat":
      return masq;
    case "direct":
      return direct;
    case "tunnel":
      return { kind: "tunnel", type: forwarding.type, port: forwarding.port };
    default:
      return unreachable(forwarding);
  }
}
