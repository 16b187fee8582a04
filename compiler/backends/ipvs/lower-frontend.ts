import type { IrFrontend, IrPool, IrRoute, NodeIr, SourceClass } from "../../ir/ir.ts";
import { assert } from "../../result.ts";
import { markIdentity } from "./names.ts";

/** One pool of a frontend and how packets get to it. */
export interface PoolPlan {
  readonly pool: IrPool;
  /** Identity of the virtual server by mark; null for the one that is found by the frontend's address. */
  readonly markIdentity: string | null;
}

/** What happens to a new connection of one class of sources. */
export type ClassAction =
  | { readonly kind: "serve"; readonly plan: PoolPlan; readonly masquerade: boolean }
  | { readonly kind: "drop" }
  | { readonly kind: "reject" };

export interface FrontendPlan {
  readonly frontend: IrFrontend;
  readonly pools: readonly PoolPlan[];
  readonly outside: ClassAction;
  /** null where the class does not exist or gets what outside gets. */
  readonly pod: ClassAction | null;
  readonly node: ClassAction | null;
}

/**
 * Which virtual servers a frontend needs. The pool for anyone is found by the frontend's own address, where persistence
 * works in full; other pools, and all pools of node ports, whose addresses need not be known, by mark.
 * This depends on the routes alone, not on who is in the pools: a pool that empties keeps its connections.
 */
export function planFrontend(frontend: IrFrontend, ir: NodeIr): FrontendPlan {
  const outside = routeFor(frontend, "outside");
  const pod = ir.detector[frontend.family].kind === "none" ? null : routeFor(frontend, "pod");
  const node = routeFor(frontend, "node");
  const pools: PoolPlan[] = [];
  const planOf = (pool: IrPool): PoolPlan => {
    const known = pools.find((plan) => plan.pool === pool);
    if (known !== undefined) return known;
    const isOwn = frontend.address !== null && pool === outside.pool;
    const ordinal = pools.filter((plan) => plan.markIdentity !== null && plan.pool.scope === pool.scope).length;
    const plan = { pool, markIdentity: isOwn ? null : markIdentity(frontend, pool, ordinal) };
    pools.push(plan);
    return plan;
  };
  const base = actionOf(outside, planOf);
  return {
    frontend,
    outside: base,
    pod: pod === null ? null : unlessSame(actionOf(pod, planOf), base),
    node: unlessSame(actionOf(node, planOf), base),
    pools,
  };
}

function routeFor(frontend: IrFrontend, source: SourceClass): IrRoute {
  const found = frontend.routes.find((route) => route.sources === "any" || route.sources === source);
  assert(found !== undefined, `${frontend.key} has no route for ${source}`);
  return found;
}

function actionOf(route: IrRoute, planOf: (pool: IrPool) => PoolPlan): ClassAction {
  const plan = planOf(route.pool);
  if (route.pool.endpoints.length === 0) return { kind: route.whenEmpty };
  return { kind: "serve", plan, masquerade: route.masquerade };
}

function unlessSame(action: ClassAction, base: ClassAction): ClassAction | null {
  if (action.kind !== base.kind) return action;
  if (action.kind !== "serve" || base.kind !== "serve") return null;
  return action.plan === base.plan && action.masquerade === base.masquerade ? null : action;
}
