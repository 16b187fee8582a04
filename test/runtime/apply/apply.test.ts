import { describe, expect, it } from "vitest";
import { applyAgain } from "../../../runtime/apply/again.ts";
import { type ApplyOptions, applyDesired } from "../../../runtime/apply/apply.ts";
import { cleanUp } from "../../../runtime/apply/cleanup.ts";
import { recover } from "../../../runtime/apply/recover.ts";
import { restoreBefore } from "../../../runtime/apply/restore.ts";
import { HostError } from "../../../runtime/host/error.ts";
import type { Draining } from "../../../runtime/state/schema.ts";
import { currentRecord, lastConfirmed, unfinished } from "../../../runtime/state/state.ts";
import { memoryFolder } from "../../support/command.ts";
import { type FakeSite, fakeDesired, fakeSite } from "../../support/fake-site.ts";

const keep: ApplyOptions = { confirmSeconds: null, drainSeconds: 900 };
const toConfirm: ApplyOptions = { ...keep, confirmSeconds: 60 };

function refuse(fake: FakeSite, pattern: RegExp): void {
  fake.onStep = (name) => {
    if (pattern.test(name)) throw new HostError("refused", `cannot do ${name}`, { help: "try later" });
  };
}

async function rollback(fake: FakeSite) {
  const open = unfinished(fake.site.state);
  const record = open === null ? currentRecord(fake.site.state) : fake.site.state.record(open.generation);
  if (record === null) throw new Error("nothing to roll back");
  return restoreBefore(fake.site, record, "rolled-back", "weir rollback");
}

const nft = (...lines: readonly string[]) => fakeDesired("nftables", lines);
const iptables = (...lines: readonly string[]) => fakeDesired("iptables", lines);

function statesOf({ site }: FakeSite): readonly string[] {
  return site.state.generations().map((generation) => site.state.record(generation).state);
}

describe("apply", () => {
  it("applies, and a second time does nothing and writes nothing", async () => {
    const fake = fakeSite(memoryFolder());
    expect(await applyDesired(fake.site, nft("a", "b"), keep)).toMatchObject({ kind: "applied", generation: 1 });
    expect(fake.kernel.nftables).toEqual(["a", "b"]);
    expect(await applyDesired(fake.site, nft("a", "b"), keep)).toEqual({ kind: "unchanged", generation: 1 });
    expect(fake.log).toEqual(["nftables +a +b"]);
    expect(statesOf(fake)).toEqual(["confirmed"]);
  });

  it("records what differs from the last artifact though the kernel is right already", async () => {
    const fake = fakeSite(memoryFolder(), { nftables: ["a"], iptables: [], ipvs: [] });
    expect(await applyDesired(fake.site, nft("a"), toConfirm)).toMatchObject({
      kind: "applied",
      steps: [],
      confirmSeconds: null,
    });
    expect(lastConfirmed(fake.site.state)?.generation).toBe(1);
    expect(fake.keepers).toBe(0);
  });

  it("records another node's artifact of the same rules", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, nft("a"), keep);
    const same = fakeDesired("nftables", ["a"], "worker-2");
    expect(await applyDesired(fake.site, same, keep)).toMatchObject({ kind: "applied", generation: 2, steps: [] });
    expect(currentRecord(fake.site.state)?.node).toBe("worker-2");
  });

  it("mends what others did to the kernel, as a new generation", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, nft("a"), keep);
    fake.kernel.nftables = ["b"];
    expect(await applyDesired(fake.site, nft("a"), keep)).toMatchObject({ kind: "applied", generation: 2 });
    expect(fake.kernel.nftables).toEqual(["a"]);
  });

  it("has the new rules in place before the old ones of another plane go, and leaves their flows alone", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, iptables("a", "b"), keep);
    await applyDesired(fake.site, iptables("a"), keep);
    await applyDesired(fake.site, nft("a"), keep);
    expect(fake.log).toEqual(["iptables +a +b", "iptables -b", "flows", "nftables +a", "iptables -a"]);
  });

  it("moves between iptables and the userspace proxy as one change of one plane", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, iptables("a", "b"), keep);
    await applyDesired(fake.site, fakeDesired("userspace", ["b", "c"]), keep);
    expect(fake.log.slice(1)).toEqual(["iptables +c -a", "flows"]);
  });

  it("asks preflight only when something is to be done, with the key of last time", async () => {
    const fake = fakeSite(memoryFolder());
    const asked: (string | null)[] = [];
    const preflight = async (known: string | null) => {
      asked.push(known);
      return "key";
    };
    await applyDesired(fake.site, nft("a"), { ...keep, preflight });
    await applyDesired(fake.site, nft("a"), { ...keep, preflight });
    await applyDesired(fake.site, nft("b"), { ...keep, preflight });
    fake.site.state.replaceRecord({ ...fake.site.state.record(2), incarnation: "another boot" });
    await applyDesired(fake.site, nft("c"), { ...keep, preflight });
    expect(asked).toEqual([null, "key", null]);
  });

  it("leaves no trace when preflight refuses", async () => {
    const fake = fakeSite(memoryFolder());
    const preflight = () => Promise.reject(new HostError("unsupported", "no module"));
    await expect(applyDesired(fake.site, nft("a"), { ...keep, preflight })).rejects.toThrow("no module");
    expect(fake.site.state.generations()).toEqual([]);
    expect(fake.log).toEqual([]);
  });

  it("keeps ten generations, and whatever is needed", async () => {
    const fake = fakeSite(memoryFolder());
    for (let at = 1; at <= 13; at++) await applyDesired(fake.site, nft(`line ${at}`), keep);
    // the one before the oldest of ten stands for what was there before it
    expect(fake.site.state.generations()).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  });
});

describe("a change that fails", () => {
  it("goes back to the state before when a step fails, and says which", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, iptables("a"), keep);
    refuse(fake, /^iptables -a/);
    const result = await applyDesired(fake.site, nft("b"), keep);
    expect(result).toEqual({
      kind: "rolled-back",
      generation: 2,
      failure: { message: "cannot do iptables -a", help: "try later", step: 2, differences: [] },
    });
    expect(fake.kernel).toEqual({ nftables: [], iptables: ["a"], ipvs: [] });
    expect(statesOf(fake)).toEqual(["confirmed", "failed"]);
    expect(currentRecord(fake.site.state)?.generation).toBe(1);
    expect(unfinished(fake.site.state)).toBeNull();
  });

  it("goes back when the kernel does not hold what it took, and names the difference", async () => {
    const fake = fakeSite(memoryFolder());
    fake.distort = (line) => (line === "b" ? null : line);
    const result = await applyDesired(fake.site, nft("a", "b"), keep);
    expect(result).toMatchObject({ kind: "rolled-back", failure: { differences: [{ action: "add", name: "b" }] } });
    expect(fake.kernel.nftables).toEqual([]);
  });

  it("says so when it cannot go back, and a rollback tries again", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, iptables("a"), keep);
    refuse(fake, /-/);
    const result = await applyDesired(fake.site, nft("b"), keep);
    expect(result).toMatchObject({ kind: "broken", restore: { message: "cannot do nftables -b" } });
    expect(unfinished(fake.site.state)).toMatchObject({ phase: "broken", generation: 2 });
    expect(await recover(fake.site)).toEqual({ notes: [], failed: null });
    fake.onStep = () => {};
    expect(await rollback(fake)).toEqual({ failure: null });
    expect(fake.kernel).toEqual({ nftables: [], iptables: ["a"], ipvs: [] });
    expect(unfinished(fake.site.state)).toBeNull();
    expect(currentRecord(fake.site.state)?.generation).toBe(1);
  });

  it("stops between two steps when it is told to, and goes back", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, iptables("a"), keep);
    const site = { ...fake.site, stopReason: () => (fake.kernel.nftables.length > 0 ? "stopped by SIGINT" : null) };
    expect(await applyDesired(site, nft("b"), keep)).toMatchObject({
      kind: "rolled-back",
      failure: { message: "stopped by SIGINT" },
    });
    expect(fake.kernel).toEqual({ nftables: [], iptables: ["a"], ipvs: [] });
  });
});

describe("going back from a move", () => {
  it("has the old rules in place before the new ones go", async () => {
    for (const [first, second] of [
      [iptables("a"), nft("b")],
      [nft("a"), iptables("b")],
    ] as const) {
      const fake = fakeSite(memoryFolder());
      await applyDesired(fake.site, first, keep);
      await applyDesired(fake.site, second, keep);
      fake.log.length = 0;
      await rollback(fake);
      expect(fake.log.filter((line) => line !== "flows")).toEqual([`${first.backend} +a`, `${second.backend} -b`]);
    }
  });
});

describe("a way back that fails", () => {
  it("says so when the kernel took every step and holds something else", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, nft("a"), keep);
    await applyDesired(fake.site, nft("b"), keep);
    fake.distort = () => null;
    expect(await rollback(fake)).toMatchObject({ failure: { differences: [{ action: "add", name: "a" }] } });
    expect(unfinished(fake.site.state)).toMatchObject({ phase: "broken" });
  });

  it("puts the other planes right all the same", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, nft("a"), keep);
    await applyDesired(fake.site, iptables("b"), keep);
    refuse(fake, /^nftables/);
    expect(await rollback(fake)).toMatchObject({ failure: { message: "cannot do nftables +a" } });
    expect(fake.kernel.iptables).toEqual([]);
  });
});

describe("a change that is to be confirmed", () => {
  it("waits, and is undone when the time is over", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, nft("a"), keep);
    expect(await applyDesired(fake.site, nft("b"), toConfirm)).toMatchObject({ kind: "applied", confirmSeconds: 60 });
    expect(fake.keepers).toBe(1);
    expect(await recover(fake.site)).toEqual({ notes: [], failed: null });
    const record = currentRecord(fake.site.state);
    if (record === null) throw new Error("nothing is current");
    expect(lastConfirmed(fake.site.state)?.generation).toBe(1);
    fake.site.state.replaceRecord({ ...record, confirm: { seconds: 60, deadline: 0 } });
    expect((await recover(fake.site)).notes).toEqual([
      "generation 2 was not confirmed within 60 s: the state before is restored",
    ]);
    expect(fake.kernel.nftables).toEqual(["a"]);
    expect(statesOf(fake)).toEqual(["confirmed", "rolled-back"]);
    expect(currentRecord(fake.site.state)?.generation).toBe(1);
  });

  it("is not confirmed by a reboot", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, nft("a"), keep);
    await applyDesired(fake.site, nft("b"), toConfirm);
    const record = fake.site.state.record(2);
    fake.site.state.replaceRecord({ ...record, incarnation: "another boot" });
    fake.kernel.nftables = [];
    expect((await recover(fake.site)).notes).toEqual([
      "generation 2 was not confirmed before the node was started anew",
    ]);
    expect(currentRecord(fake.site.state)?.generation).toBe(1);
    expect(fake.log).toHaveLength(3);
  });

  it("changes nothing when no keeper can be started, or the way back would not load", async () => {
    for (const broken of ["startKeeper", "check"] as const) {
      const fake = fakeSite(memoryFolder());
      await applyDesired(fake.site, nft("a"), keep);
      const site = { ...fake.site, [broken]: () => Promise.reject(new HostError("refused", `no ${broken}`)) };
      await expect(applyDesired(site, nft("b"), toConfirm)).rejects.toThrow(`no ${broken}`);
      expect(fake.kernel.nftables).toEqual(["a"]);
      expect(statesOf(fake)).toEqual(["confirmed", "failed"]);
      expect(unfinished(fake.site.state)).toBeNull();
    }
  });
});

describe("a process that was killed", () => {
  const dead = { pid: 1 << 22, startTime: "1" };

  async function interrupted(options: ApplyOptions): Promise<FakeSite> {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, iptables("a"), keep);
    const site = {
      ...fake.site,
      execute: async () => {
        throw new Error("killed");
      },
    };
    await applyDesired(site, nft("b"), options).catch(() => {});
    // as it is on disk after the first step
    const record = fake.site.state.record(2);
    const confirm = options.confirmSeconds === null ? null : { seconds: options.confirmSeconds, deadline: null };
    fake.site.state.replaceRecord({ ...record, state: "pending", confirm, reason: null });
    const { incarnation } = fake.site.state.current();
    const journal = { command: "apply", generation: 2, phase: "changing", step: 1, steps: 2, owner: dead } as const;
    fake.site.state.writeJournal({ ...journal, incarnation });
    fake.kernel.nftables = ["b"];
    return fake;
  }

  it("is gone on from by the next apply", async () => {
    const fake = await interrupted(keep);
    expect((await recover(fake.site)).notes).toEqual([
      "the process that applied generation 2 ended in the middle of it at step 1 of 2",
    ]);
    expect(fake.kernel.nftables).toEqual(["b"]);
    expect(await applyDesired(fake.site, nft("b", "c"), keep)).toMatchObject({ kind: "applied", generation: 3 });
    expect(fake.kernel).toEqual({ nftables: ["b", "c"], iptables: [], ipvs: [] });
    expect(statesOf(fake)).toEqual(["confirmed", "failed", "confirmed"]);
    expect(unfinished(fake.site.state)).toBeNull();
  });

  it("is undone by a rollback", async () => {
    const fake = await interrupted(keep);
    expect(await rollback(fake)).toEqual({ failure: null });
    expect(fake.kernel).toEqual({ nftables: [], iptables: ["a"], ipvs: [] });
    expect(currentRecord(fake.site.state)?.generation).toBe(1);
  });

  it("is undone at once where the change was to be confirmed", async () => {
    const fake = await interrupted(toConfirm);
    expect((await recover(fake.site)).notes).toEqual([
      "the process that applied generation 2 ended in the middle of it at step 1 of 2: the state before is restored",
    ]);
    expect(fake.kernel).toEqual({ nftables: [], iptables: ["a"], ipvs: [] });
    expect(statesOf(fake)).toEqual(["confirmed", "rolled-back"]);
  });

  async function goingBack(): Promise<FakeSite> {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, nft("a"), keep);
    await applyDesired(fake.site, nft("b"), toConfirm);
    const { incarnation } = fake.site.state.current();
    const journal = { command: "rollback", generation: 2, phase: "restoring", step: 0, steps: 0, owner: dead } as const;
    fake.site.state.writeJournal({ ...journal, incarnation });
    return fake;
  }

  it("in the middle of going back: that is brought to its end", async () => {
    const fake = await goingBack();
    await recover(fake.site);
    expect(fake.kernel.nftables).toEqual(["a"]);
    expect(statesOf(fake)).toEqual(["confirmed", "rolled-back"]);
  });

  it("after it went back: what it went back to is current", async () => {
    const fake = await goingBack();
    fake.kernel.nftables = ["a"];
    fake.site.state.markGeneration(2, "rolled-back", "weir rollback");
    expect(await recover(fake.site)).toEqual({ notes: [], failed: null });
    expect(currentRecord(fake.site.state)?.generation).toBe(1);
    expect(unfinished(fake.site.state)).toBeNull();
  });
});

describe("rollback, cleanup and the last generation", () => {
  it("goes back one generation after the other", async () => {
    const fake = fakeSite(memoryFolder());
    for (const line of ["a", "b", "c"]) await applyDesired(fake.site, nft(line), keep);
    await rollback(fake);
    expect(fake.kernel.nftables).toEqual(["b"]);
    await rollback(fake);
    expect(fake.kernel.nftables).toEqual(["a"]);
    await rollback(fake);
    expect(fake.kernel.nftables).toEqual([]);
    expect(currentRecord(fake.site.state)).toBeNull();
    expect(statesOf(fake)).toEqual(["rolled-back", "rolled-back", "rolled-back"]);
  });

  it("removes everything, and nothing of it comes back", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, nft("a"), keep);
    fake.kernel.iptables = ["left over"];
    await cleanUp(fake.site, ["nftables", "iptables", "ipvs"]);
    expect(fake.kernel).toEqual({ nftables: [], iptables: [], ipvs: [] });
    expect(lastConfirmed(fake.site.state)).toBeNull();
    expect(fake.site.state.generations()).toEqual([1]);
  });

  it("says so when something is still there after a cleanup", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, nft("a"), keep);
    fake.onStep = () => {
      fake.kernel.nftables = [...fake.kernel.nftables, "x"];
    };
    await expect(cleanUp(fake.site, ["nftables"])).rejects.toMatchObject({
      differences: [{ action: "delete", name: "x" }],
    });
  });

  it("cleans up one backend and lets the other be", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, nft("a"), keep);
    fake.kernel.iptables = ["left over"];
    await cleanUp(fake.site, ["iptables"]);
    expect(fake.kernel).toEqual({ nftables: ["a"], iptables: [], ipvs: [] });
    expect(currentRecord(fake.site.state)?.generation).toBe(1);
  });

  it("puts the last generation back without a new one, so that a rollback goes behind it", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, nft("a"), keep);
    await applyDesired(fake.site, nft("b"), keep);
    fake.kernel.nftables = [];
    const confirmed = lastConfirmed(fake.site.state);
    if (confirmed === null) throw new Error("nothing was confirmed");
    const record = { ...confirmed, incarnation: "another boot" };
    fake.site.state.replaceRecord(record);
    expect(await applyAgain(fake.site, record)).toMatchObject({ kind: "applied" });
    expect(fake.kernel.nftables).toEqual(["b"]);
    expect(currentRecord(fake.site.state)).toEqual(confirmed);
    expect(await applyAgain(fake.site, record)).toEqual({ kind: "unchanged" });
    expect(fake.site.state.generations()).toEqual([1, 2]);
    await rollback(fake);
    expect(fake.kernel.nftables).toEqual(["a"]);
  });

  it("leaves the kernel as it was when the last generation does not load", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, nft("a"), keep);
    fake.kernel.nftables = [];
    fake.kernel.iptables = ["left over"];
    refuse(fake, /^iptables -left over/);
    const record = fake.site.state.record(1);
    expect(await applyAgain(fake.site, record)).toMatchObject({ kind: "rolled-back", failure: { step: 2 } });
    expect(fake.kernel).toEqual({ nftables: [], iptables: ["left over"], ipvs: [] });
  });
});

describe("what waits for its connections", () => {
  it("is written down with its deadline, and a keeper is there for it", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, fakeDesired("ipvs", ["a"]), keep);
    expect(fake.keepers).toBe(0);
    fake.waiting = 3;
    expect(await applyDesired(fake.site, nft("a"), keep)).toMatchObject({ waiting: 3 });
    expect(fake.keepers).toBe(1);
    expect(fake.site.state.draining()?.planes).toMatchObject({ ipvs: { waiting: 3, leaving: [1] } });
  });

  it("is forgotten with a cleanup of its plane", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, fakeDesired("ipvs", ["a"]), keep);
    fake.waiting = 3;
    await applyDesired(fake.site, nft("a"), keep);
    await cleanUp(fake.site, ["iptables"]);
    expect(fake.site.state.draining()).not.toBeNull();
    await cleanUp(fake.site, ["ipvs"]);
    expect(fake.site.state.draining()).toBeNull();
  });

  it("does not take away what a rollback has brought back", async () => {
    const fake = fakeSite(memoryFolder());
    await applyDesired(fake.site, fakeDesired("ipvs", ["a"]), keep);
    fake.waiting = 3;
    await applyDesired(fake.site, nft("a"), keep);
    const seen: (Draining | null)[] = [];
    fake.onStep = () => {
      // a process that is killed here must not leave a keeper the right to take it away again
      seen.push(fake.site.state.draining());
      fake.waiting = 0;
    };
    await rollback(fake);
    expect(seen).toEqual([null, null]);
    expect(fake.kernel).toEqual({ nftables: [], iptables: [], ipvs: ["a"] });
    expect(fake.site.state.draining()).toBeNull();
  });
});
