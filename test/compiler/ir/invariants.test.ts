import { describe, expect, it } from "vitest";
import { assertInvariants } from "../../../compiler/ir/invariants.ts";
import type { IrFrontend, IrRoute, NodeIr } from "../../../compiler/ir/ir.ts";
import { InternalError } from "../../../compiler/result.ts";
import { anyRoute, frontend, pool, testIr } from "../../support/ir.ts";
import { prefix } from "../../support/net.ts";

const routes = anyRoute(["10.244.1.5:80", "10.244.1.6:80 x2"]);
const web = frontend("10.96.0.10:80", { routes });
const later = frontend("10.96.0.11:80", { routes });
const ir = testIr({ frontends: [web, later] });
const [route] = routes;

function withFrontends(...ipv4: readonly IrFrontend[]): NodeIr {
  return { ...ir, frontends: { ipv4, ipv6: [] } };
}

function withRoute(change: Partial<IrRoute>): NodeIr {
  return withFrontends({ ...web, routes: route === undefined ? [] : [{ ...route, ...change }] });
}

function withPool(change: Partial<IrRoute["pool"]>): NodeIr {
  return withRoute({ pool: { ...pool("cluster", ["10.244.1.5:80", "10.244.1.6:80 x2"]), ...change } });
}

describe("assertInvariants", () => {
  it("accepts what resolve makes", () => {
    expect(() => assertInvariants(ir)).not.toThrow();
  });

  it.each<[string, NodeIr]>([
    ["equal mark bits", { ...ir, marks: { masquerade: 1, drop: 1, reject: 2 } }],
    ["frontends out of order", withFrontends(later, web)],
    ["two frontends at one place", withFrontends(web, { ...web, key: "shop/other:http" })],
    ["a frontend in the other family's list", { ...ir, frontends: { ipv4: [], ipv6: [web] } }],
    ["no route for any source", withRoute({ sources: "pod" })],
    ["two routes for one source", withFrontends({ ...web, routes: [...routes, ...routes] })],
    ["an empty list of source ranges", withFrontends({ ...web, sourceRanges: [] })],
    ["refusal with masquerade", withRoute({ pool: pool("local", []), masquerade: true })],
    ["weights with a common divisor", withPool({ endpoints: pool("local", ["10.0.0.1:80"]).endpoints.map(doubled) })],
    ["a wrong total", withPool({ totalWeight: 7 })],
    ["a drained endpoint with weight", withPool({ drained: pool("local", ["10.0.0.9:80"]).endpoints })],
    ["an endpoint of another family", withRoute({ pool: pool("local", ["[fd00::1]:80"]) })],
    ["an endpoint twice", withRoute({ pool: pool("local", ["10.0.0.1:80", "10.0.0.1:80"]) })],
  ])("throws at %s", (_, broken) => expect(() => assertInvariants(broken)).toThrow(InternalError));

  it("names the frontend", () => {
    const broken = withFrontends({ ...web, sourceRanges: [], key: "shop/web:http" });
    expect(() => assertInvariants(broken)).toThrow(/^shop\/web:http /);
    expect(() => assertInvariants(withFrontends({ ...web, sourceRanges: [prefix("10.0.0.0/8")] }))).not.toThrow();
  });
});

function doubled<T extends { readonly weight: number }>(endpoint: T): T {
  return { ...endpoint, weight: 2 };
}
