import { describe, expect, it } from "vitest";
import { applyDesired } from "../../../runtime/apply/apply.ts";
import { bootMilliseconds, incarnation, ownProcess } from "../../../runtime/host/identity.ts";
import { dutyOf } from "../../../runtime/keeper/keeper.ts";
import type { Journal } from "../../../runtime/state/schema.ts";
import { memoryFolder } from "../../support/command.ts";
import { type FakeSite, fakeDesired, fakeSite } from "../../support/fake-site.ts";

const dead = { pid: 1 << 22, startTime: "1" };

/** A node with one confirmed generation, and a second one that waits for its confirmation. */
async function waiting(): Promise<FakeSite> {
  const fake = fakeSite(memoryFolder());
  await applyDesired(fake.site, fakeDesired("nftables", ["a"]), { confirmSeconds: null, drainSeconds: 0 });
  await applyDesired(fake.site, fakeDesired("nftables", ["b"]), { confirmSeconds: 60, drainSeconds: 0 });
  return fake;
}

function duty({ site }: FakeSite, seenMs: number = bootMilliseconds()) {
  return dutyOf(site.state, () => seenMs);
}

/** As if the second generation were still being applied. */
function unfinished({ site }: FakeSite, owner: Journal["owner"], phase: Journal["phase"]): void {
  site.state.replaceRecord({ ...site.state.record(2), confirm: { seconds: 60, deadline: null } });
  site.state.writeCurrent({ generation: 1, tokens: {} });
  site.state.writeJournal({
    command: "apply",
    generation: 2,
    phase,
    step: 1,
    steps: 2,
    owner,
    incarnation: incarnation(),
  });
}

describe("the keeper", () => {
  it("has nothing to do for what is confirmed, or rolled back", async () => {
    const fake = await waiting();
    fake.site.state.markGeneration(2, "confirmed", null);
    expect(duty(fake)).toEqual({ kind: "none" });
    expect(duty(fakeSite(memoryFolder()))).toEqual({ kind: "none" });
  });

  it("waits for a confirmation, and acts when its time is over", async () => {
    const fake = await waiting();
    expect(duty(fake)).toEqual({ kind: "wait" });
    const record = fake.site.state.record(2);
    fake.site.state.replaceRecord({ ...record, confirm: { seconds: 60, deadline: bootMilliseconds() - 1 } });
    expect(duty(fake)).toEqual({ kind: "recover" });
  });

  it("leaves what waited before the last boot to the next command", async () => {
    const fake = await waiting();
    fake.site.state.replaceRecord({ ...fake.site.state.record(2), incarnation: "another boot" });
    expect(duty(fake)).toEqual({ kind: "none" });
  });

  it("waits while the change is being made, acts when its process is gone, ends one that hangs", async () => {
    const fake = await waiting();
    unfinished(fake, ownProcess(), "changing");
    expect(duty(fake)).toEqual({ kind: "wait" });
    expect(duty(fake, bootMilliseconds() - 361_000)).toEqual({ kind: "end", pid: process.pid });
    unfinished(fake, dead, "changing");
    expect(duty(fake)).toEqual({ kind: "recover" });
    unfinished(fake, dead, "broken");
    expect(duty(fake)).toEqual({ kind: "none" });
  });

  it("drains when there is nothing more urgent", async () => {
    const fake = await waiting();
    const planes = { ipvs: { waiting: 1, deadline: 0, leaving: [1] } };
    fake.site.state.writeDraining({ planes, incarnation: incarnation() });
    expect(duty(fake)).toEqual({ kind: "wait" });
    fake.site.state.markGeneration(2, "confirmed", null);
    expect(duty(fake)).toEqual({ kind: "drain" });
  });
});
