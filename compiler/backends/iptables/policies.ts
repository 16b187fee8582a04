import type { IrFrontend, IrPool, IrRoute } from "../../ir/ir.ts";
import type { Protocol } from "../../net/port.ts";
import { assert } from "../../result.ts";
import type { FrontendAffinity } from "./lower-pool.ts";
import { frontendIdentity } from "./names.ts";

/** A list of routes as one chain serves it, for one frontend or for several that behave alike. */
export interface Policy {
  readonly identity: string;
  readonly side: "inside" | "outside";
  readonly frontends: readonly IrFrontend[];
  readonly protocol: Protocol;
  readonly routes: readonly IrRoute[];
  readonly sticky: FrontendAffinity | null;
  /** Identity under which its pools are chosen from: that of the service port where they are shared. */
  readonly poolOwner: string;
}

/**
 * The policies of one service port in one family. Frontends inside the cluster (VIPs) and outside (everything else)
 * share one each where all of them behave alike, which they do unless the IR is made by hand. With affinity nothing is
 * shared, because clients are remembered for each frontend.
 */
export function policiesOf(frontends: readonly IrFrontend[]): readonly Policy[] {
  const [first] = frontends;
  if (first !== undefined && frontends.length === 1) {
    return first.affinity === null ? sharedPolicy(frontends, sideOf(first)) : [ownPolicy(first)];
  }
  const plain = frontends.filter((frontend) => frontend.affinity === null);
  const inside = plain.filter((frontend) => sideOf(frontend) === "inside");
  const outside = plain.filter((frontend) => sideOf(frontend) === "outside");
  const isShared = haveCommonPools(plain) && behaveAlike(inside) && behaveAlike(outside);
  return [
    ...(isShared ? [...sharedPolicy(inside, "inside"), ...sharedPolicy(outside, "outside")] : plain.map(ownPolicy)),
    ...frontends.filter((frontend) => frontend.affinity !== null).map(ownPolicy),
  ];
}

function sharedPolicy(frontends: readonly IrFrontend[], side: Policy["side"]): readonly Policy[] {
  const [first] = frontends;
  if (first === undefined) return [];
  const { protocol, routes } = first;
  const poolOwner = `${first.key} ${first.family} ${protocol}`;
  return [{ identity: `${poolOwner} ${side}`, side, frontends, protocol, routes, sticky: null, poolOwner }];
}

function ownPolicy(frontend: IrFrontend): Policy {
  const identity = frontendIdentity(frontend);
  const { affinity, protocol, routes } = frontend;
  const side = sideOf(frontend);
  const sticky = affinity === null ? null : { affinity, identity };
  return { identity, side, frontends: [frontend], protocol, routes, sticky, poolOwner: identity };
}

function sideOf(frontend: IrFrontend): Policy["side"] {
  return frontend.kind === "cluster" ? "inside" : "outside";
}

function haveCommonPools(frontends: readonly IrFrontend[]): boolean {
  const pools = new Map<string, IrPool>();
  return frontends.every((frontend) =>
    frontend.routes.every(({ pool }) => {
      const known = pools.get(pool.scope);
      if (known === undefined) pools.set(pool.scope, pool);
      return known === undefined || samePool(known, pool);
    }),
  );
}

function behaveAlike([first, ...others]: readonly IrFrontend[]): boolean {
  return first === undefined || others.every((other) => sameRoutes(first.routes, other.routes));
}

function sameRoutes(a: readonly IrRoute[], b: readonly IrRoute[]): boolean {
  if (a.length !== b.length) return false;
  return a.every((route, at) => {
    const other = b[at];
    if (other === undefined || route.sources !== other.sources || route.masquerade !== other.masquerade) return false;
    return leadTheSameWay(route, other);
  });
}

/** Both to the same pool, or both to the same verdict. */
function leadTheSameWay(a: IrRoute, b: IrRoute): boolean {
  if (a.pool.endpoints.length === 0) return b.pool.endpoints.length === 0 && a.whenEmpty === b.whenEmpty;
  return samePool(a.pool, b.pool);
}

function samePool(a: IrPool, b: IrPool): boolean {
  if (a === b) return true;
  if (a.scope !== b.scope || a.endpoints.length !== b.endpoints.length) return false;
  return a.endpoints.every((one, at) => {
    const other = b.endpoints[at];
    const sameSocket = one.address.text === other?.address.text && one.port === other.port;
    return sameSocket && one.weight === other.weight;
  });
}

/** Routes that lead elsewhere than the last one, and the rest, which differ in masquerade at most. */
export interface SplitRoutes {
  readonly heads: readonly IrRoute[];
  readonly tail: readonly IrRoute[];
  readonly last: IrRoute;
}

/** Throws InternalError for no routes. */
export function splitRoutes(routes: readonly IrRoute[]): SplitRoutes {
  const last = routes.at(-1);
  assert(last !== undefined, "a frontend has no route");
  let start = routes.length - 1;
  for (; start > 0; start--) {
    const before = routes[start - 1];
    if (before === undefined || !leadTheSameWay(before, last)) break;
  }
  return { heads: routes.slice(0, start), tail: routes.slice(start), last };
}

/** Equal for pools that are one and the same, whichever frontend leads there; chains and listeners are named by it. */
export function poolIdentity(policy: Policy, pool: IrPool): string {
  return `${policy.poolOwner} ${pool.scope}`;
}

/** How many rules lead to each pool, by its identity: a pool that only one chain ends in is chosen from in that chain. */
export function countPoolUses(policies: readonly Policy[]): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  const use = (policy: Policy, { pool }: IrRoute, times: number) => {
    const identity = poolIdentity(policy, pool);
    uses.set(identity, (uses.get(identity) ?? 0) + times);
  };
  for (const policy of policies) {
    const { heads, last } = splitRoutes(policy.routes);
    for (const head of heads) use(policy, head, 2);
    use(policy, last, 1);
  }
  return uses;
}
