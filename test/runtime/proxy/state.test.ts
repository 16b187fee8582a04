import { describe, expect, it } from "vitest";
import { AffinityMap, affinityKey } from "../../../runtime/proxy/affinity.ts";
import { newCounters } from "../../../runtime/proxy/counters.ts";
import { Attempts } from "../../../runtime/proxy/dial.ts";
import { Health } from "../../../runtime/proxy/health.ts";
import { Pool } from "../../../runtime/proxy/pool.ts";
import { tableOf } from "../../support/proxy.ts";

describe("affinity", () => {
  it("counts from the last use", () => {
    const map = new AffinityMap(10);
    map.remember("a", "one", 0);
    expect(map.find("a", 999, 1000)).toBe("one");
    map.remember("a", "one", 999);
    expect(map.find("a", 1998, 1000)).toBe("one");
    expect(map.find("a", 1999, 1000)).toBe(null);
    expect(map.size).toBe(0);
  });

  it("forgets who was silent the longest when there are too many", () => {
    const map = new AffinityMap(2);
    map.remember("a", "one", 0);
    map.remember("b", "two", 1);
    map.remember("a", "one", 2);
    map.remember("c", "three", 3);
    expect(["a", "b", "c"].map((client) => map.find(client, 4, 1000))).toEqual(["one", null, "three"]);
  });

  it("expires those whose time is over, and no others", () => {
    const map = new AffinityMap(10);
    map.remember("a", "one", 0);
    map.remember("b", "two", 500);
    map.expire(1000, 1000);
    expect(map.size).toBe(1);
    expect(map.find("b", 1000, 1000)).toBe("two");
  });

  it.each([
    ["10.1.2.3", 32, "10.1.2.3"],
    ["10.1.2.3", 24, "10.1.2.0/24"],
    ["2001:db8:1:2::3", 64, "2001:db8:1:2::/64"],
    ["fe80::1%eth0", 64, "fe80::1%eth0"],
  ])("%s counts by its first %i bits as %s", (client, prefixLength, key) => {
    expect(affinityKey(client, { timeoutSeconds: 1, prefixLength })).toBe(key);
  });
});

describe("health", () => {
  it("leaves an endpoint alone for longer each time, until a byte comes from it", () => {
    const health = new Health();
    expect([health.isUp("a"), health.failed("a", 0), health.isUp("a")]).toEqual([true, 1000, false]);
    expect([health.due(999), health.due(1000), health.due(1001)]).toEqual([[], ["a"], []]);
    health.triedInVain("a", 1000);
    expect([health.due(2999), health.due(3000)]).toEqual([[], ["a"]]);
    health.accepts("a");
    expect(health.isUp("a")).toBe(true);
    expect(health.failed("a", 4000)).toBe(4000);
    health.answered("a");
    expect([health.isUp("a"), health.failed("a", 5000)]).toEqual([true, 1000]);
  });

  it("takes many failures at once for one, and waits half a minute at most", () => {
    const health = new Health();
    expect([health.failed("a", 0), health.failed("a", 1), health.failed("a", 2)]).toEqual([1000, 1000, 1000]);
    for (let at = 0; at < 20; at++) health.triedInVain("a", 0);
    expect([health.due(29_999), health.due(30_000)]).toEqual([[], ["a"]]);
  });

  it("tells of changes only", () => {
    const told: string[] = [];
    const health = new Health((key, isUp, failures) => told.push(`${key} ${isUp} ${failures}`));
    health.failed("a", 0);
    health.failed("a", 1);
    health.answered("a");
    health.answered("a");
    expect(told).toEqual(["a false 1", "a true 1"]);
  });
});

describe("attempts", () => {
  const settings = { attemptMs: [250, 500], dialMs: 10_000 };
  function attemptsOn(ports: readonly number[]) {
    const health = new Health();
    const [plan] = tableOf([{ port: 80, endpoints: ports.map((port) => ({ port })) }]).listeners;
    if (plan === undefined) throw new Error("no listener");
    const pool = new Pool(plan, newCounters(plan.key), health, 10);
    pool.update(plan, 0);
    return new Attempts(pool, "198.51.100.7", settings, 0);
  }

  it("try each endpoint once, with more patience in the next round, and give up in the end", () => {
    const attempts = attemptsOn([1, 2]);
    const made = [0, 250, 500, 1000, 1500].map((now) => {
      const next = attempts.next(now);
      return next.kind === "try" ? `${next.endpoint.port} for ${next.timeoutMs}` : next.kind;
    });
    expect(made.slice(0, 2).sort()).toEqual(["1 for 250", "2 for 250"]);
    expect(made.slice(2, 4).sort()).toEqual(["1 for 500", "2 for 500"]);
    expect(made[4]).toBe("give-up");
  });

  it("wait for the time of a round that failed sooner", () => {
    const attempts = attemptsOn([1]);
    expect(attempts.next(0).kind).toBe("try");
    expect(attempts.next(10)).toEqual({ kind: "wait", ms: 240 });
    expect(attempts.next(250)).toMatchObject({ kind: "try", timeoutMs: 500 });
    expect(attempts.next(300)).toEqual({ kind: "wait", ms: 450 });
    expect(attempts.next(750).kind).toBe("give-up");
  });

  it("end when the time for all of them is over", () => {
    const attempts = attemptsOn([1, 2]);
    expect(attempts.next(9900)).toMatchObject({ kind: "try", timeoutMs: 100 });
    expect(attempts.next(10_000).kind).toBe("give-up");
  });
});
