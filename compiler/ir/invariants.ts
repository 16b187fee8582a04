import { type Family, families } from "../net/address.ts";
import { greatestCommonDivisor } from "../net/fraction.ts";
import { assert } from "../result.ts";
import type { IrFrontend, IrPool, IrRoute, NodeIr } from "./ir.ts";
import { compareFrontends } from "./resolve.ts";

/**
 * What every lowering may rely on, beyond the types. Throws InternalError with the frontend's key.
 * Run by tests over all fixtures and random specs, not on each compile.
 */
export function assertInvariants(ir: NodeIr): void {
  for (const family of families) assertFamily(ir, family);
  const { masquerade, drop, reject } = ir.marks;
  assert(new Set([masquerade, drop, reject]).size === 3, "mark bits differ");
}

function assertFamily(ir: NodeIr, family: Family): void {
  let previous: IrFrontend | undefined;
  for (const frontend of ir.frontends[family]) {
    if (previous !== undefined) {
      assert(compareFrontends(previous, frontend) < 0, `${frontend.key} is out of order or not alone at its place`);
    }
    assertFrontend(frontend, family);
    previous = frontend;
  }
}

function assertFrontend(frontend: IrFrontend, family: Family): void {
  const { key } = frontend;
  assert(frontend.family === family, `${key} is in the list of another family`);
  assert(frontend.address === null || frontend.address.family === family, `${key} has an address of another family`);
  assert(
    (frontend.kind === "node-port") === (frontend.address === null),
    `${key} is a node port exactly without address`,
  );
  assert(frontend.sourceRanges?.length !== 0, `${key} has an empty list of source ranges`);
  assert(frontend.routes.at(-1)?.sources === "any", `${key} has no last route for any source`);
  const sources = frontend.routes.map((route) => route.sources);
  assert(new Set(sources).size === sources.length, `${key} has two routes for one source`);
  for (const route of frontend.routes) assertRoute(key, route, family);
}

function assertRoute(key: string, route: IrRoute, family: Family): void {
  const isEmpty = route.pool.endpoints.length === 0;
  assert(!(isEmpty && route.masquerade), `${key} masquerades what it refuses`);
  assertPool(key, route.pool, family);
}

function assertPool(key: string, pool: IrPool, family: Family): void {
  const weights = pool.endpoints.map((endpoint) => endpoint.weight);
  assert(
    weights.every((weight) => weight >= 1),
    `${key} has a chosen endpoint without weight`,
  );
  assert(
    pool.drained.every((endpoint) => endpoint.weight === 0),
    `${key} has a drained endpoint with weight`,
  );
  assert(weights.length === 0 || greatestCommonDivisor(weights) === 1, `${key} has weights with a common divisor`);
  assert(weights.reduce((sum, weight) => sum + weight, 0) === pool.totalWeight, `${key} has a wrong total weight`);
  const all = [...pool.endpoints, ...pool.drained];
  assert(
    all.every((endpoint) => endpoint.address.family === family),
    `${key} has an endpoint of another family`,
  );
  const places = new Set(all.map((endpoint) => `${endpoint.address.text} ${endpoint.port}`));
  assert(places.size === all.length, `${key} has an endpoint twice`);
}
