import { describe, expect, it } from "vitest";
import { choiceOf, choose } from "../../../runtime/proxy/choice.ts";
import { newEndpoint, type PoolEndpoint } from "../../../runtime/proxy/endpoint.ts";
import { address } from "../../support/proxy.ts";

function endpoints(...weights: readonly number[]): readonly PoolEndpoint[] {
  return weights.map((weight, at) => ({ ...newEndpoint(address(`10.0.0.${at + 1}`), 80), weight }));
}

const all = () => true;
const nobody = () => 0;
const nameOf = (endpoint: PoolEndpoint | null) => endpoint?.id ?? null;

describe("in turn by weight", () => {
  it("gives each its weight of every round, and never the same one longer than needed", () => {
    const pool = endpoints(5, 1, 1);
    const turns = Array.from({ length: 14 }, () => nameOf(choose(choiceOf(null), pool, all, nobody)));
    const round = [
      "10.0.0.1:80",
      "10.0.0.1:80",
      "10.0.0.2:80",
      "10.0.0.1:80",
      "10.0.0.3:80",
      "10.0.0.1:80",
      "10.0.0.1:80",
    ];
    expect(turns).toEqual([...round, ...round]);
  });

  it("is in turn without weights for rr", () => {
    const pool = endpoints(5, 1);
    const turns = Array.from({ length: 4 }, () => nameOf(choose(choiceOf("rr"), pool, all, nobody)));
    expect(turns).toEqual(["10.0.0.1:80", "10.0.0.2:80", "10.0.0.1:80", "10.0.0.2:80"]);
  });

  it("passes over those that are no candidates", () => {
    const pool = endpoints(1, 1, 1);
    const turns = Array.from({ length: 4 }, () =>
      nameOf(choose(choiceOf("wrr"), pool, (endpoint) => endpoint !== pool[1], nobody)),
    );
    expect(turns).toEqual(["10.0.0.1:80", "10.0.0.3:80", "10.0.0.1:80", "10.0.0.3:80"]);
    expect(choose(choiceOf("wrr"), pool, () => false, nobody)).toBe(null);
  });
});

describe("least connections", () => {
  it.each([
    ["lc", [3, 2, 9], [1, 1, 9], 1],
    ["wlc", [4, 3, 9], [2, 1, 9], 2],
    ["sed", [1, 0, 9], [3, 1, 1], 0],
    ["nq", [1, 0, 9], [9, 1, 9], 1],
    ["fo", [9, 0, 0], [3, 1, 2], 0],
  ] as const)("%s with %j connections and weights %j takes endpoint %i", (scheduler, active, weights, expected) => {
    const pool = endpoints(...weights);
    for (const [at, endpoint] of pool.entries()) endpoint.active = active[at] ?? 0;
    expect(choose(choiceOf(scheduler), pool, all, nobody)).toBe(pool[expected]);
  });

  it("goes round among equals", () => {
    const pool = endpoints(1, 1);
    const turns = Array.from({ length: 4 }, () => nameOf(choose(choiceOf("lc"), pool, all, nobody)));
    expect(turns).toEqual(["10.0.0.1:80", "10.0.0.2:80", "10.0.0.1:80", "10.0.0.2:80"]);
  });
});

describe("by source", () => {
  const clients = Array.from({ length: 4000 }, (_, at) => Math.imul(at, 2654435761) >>> 0);
  const placesOf = (pool: readonly PoolEndpoint[]) =>
    clients.map((client) => nameOf(choose(choiceOf("sh"), pool, all, () => client)));

  it("spreads clients by weight", () => {
    const first = placesOf(endpoints(3, 1)).filter((name) => name === "10.0.0.1:80").length;
    expect(first / clients.length).toBeGreaterThan(0.72);
    expect(first / clients.length).toBeLessThan(0.78);
  });

  it("moves only the clients of the endpoint that left", () => {
    const before = placesOf(endpoints(1, 1, 1));
    const after = placesOf(endpoints(1, 1));
    const moved = before.filter((name, at) => name !== after[at]);
    expect(new Set(moved)).toEqual(new Set(["10.0.0.3:80"]));
  });
});
