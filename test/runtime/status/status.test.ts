import { describe, expect, it } from "vitest";
import { bootMilliseconds, incarnation, ownProcess } from "../../../runtime/host/identity.ts";
import type { GenerationRecord } from "../../../runtime/state/schema.ts";
import { stateWriter } from "../../../runtime/state/state.ts";
import { jsonStatus } from "../../../runtime/status/json.ts";
import { printStatus } from "../../../runtime/status/print.ts";
import { readStatus } from "../../../runtime/status/status.ts";
import { memoryFolder } from "../../support/command.ts";
import { desiredOf } from "../../support/desired.ts";
import { fakeHost } from "../../support/fake-node.ts";
import { statusSchema } from "../../support/inspect-schema.ts";

/** What status takes from the state folder, on a node without tools, whose kernel therefore holds nothing. */

const record: GenerationRecord = {
  format: 1,
  generation: 1,
  state: "confirmed",
  node: "worker-1",
  backend: "nftables",
  spec: `sha256:${"0".repeat(64)}`,
  from: "shop.weir",
  startedAt: "2026-11-22T17:00:00.000Z",
  changedAt: "2026-11-22T17:00:01.000Z",
  previous: null,
  incarnation: incarnation(),
  confirm: null,
  preflight: null,
  reason: null,
};

async function statusWith(
  records: readonly GenerationRecord[],
  prepare: (state: ReturnType<typeof stateWriter>) => void,
) {
  const state = stateWriter(memoryFolder());
  const desired = await desiredOf("nftables");
  for (const each of records) state.addGeneration(each, desired, {});
  state.writeCurrent({ generation: records.at(-1)?.generation ?? null, tokens: {} });
  prepare(state);
  const status = await readStatus(fakeHost({}), state, null);
  return { status, json: statusSchema.parse(jsonStatus(status)), text: printStatus(status) };
}

describe("status", () => {
  it("of a node without anything", async () => {
    const { json, text } = await statusWith([], () => {});
    expect(json.state).toBe("nothing");
    expect(text).toBe("nothing of weir's is on this node\n");
  });

  it("tells of a change that waits, and how long", async () => {
    const confirm = { seconds: 60, deadline: bootMilliseconds() + 42_000 };
    const { json, text } = await statusWith([{ ...record, state: "pending", confirm }], () => {});
    expect(json.pending?.secondsLeft).toBeGreaterThan(30);
    expect(json.pending?.secondsLeft).toBeLessThanOrEqual(42);
    expect(text).toMatch(/generation 1 waits for: weir confirm, \d\d s left/);
    expect(text).toContain("weir rollback, or weir confirm and then weir apply --last");
  });

  it("tells of the last change when it was taken back", async () => {
    const reason = "not confirmed within 60 s";
    const back = { ...record, generation: 2, state: "rolled-back", reason } as const;
    const undone = await statusWith([record, back], (state) => state.writeCurrent({ generation: 1, tokens: {} }));
    expect(undone.text).toContain("generation 2 was rolled back (2026-11-22T17:00:01.000Z): not confirmed within 60 s");
    const failed = await statusWith([record, { ...back, state: "failed" }], (state) =>
      state.writeCurrent({ generation: 1, tokens: {} }),
    );
    expect(failed.text).toContain("generation 2 was not applied");
    const gone = await statusWith(
      [
        { ...record, state: "rolled-back" },
        { ...record, generation: 2 },
      ],
      () => {},
    );
    expect(gone.text).not.toContain("was rolled back");
  });

  it("advises commands for the same state folder", async () => {
    const { status } = await statusWith([record], () => {});
    expect(printStatus(status)).toMatch(/: weir apply --last\n$/);
    expect(printStatus(status, { apply: null, options: " --state own" })).toMatch(/: weir apply --last --state own\n$/);
  });

  it("tells of a change that was cut short, and of one at work", async () => {
    const journal = { command: "apply", generation: 2, phase: "changing", step: 1, steps: 3 } as const;
    const here = { incarnation: incarnation() };
    const dead = { pid: 2 ** 22, startTime: "1" };
    const cut = await statusWith([record], (state) => state.writeJournal({ ...journal, ...here, owner: dead }));
    expect(cut.json.unfinished).toEqual({ ...journal, isRunning: false });
    expect(cut.text).toContain(
      "weir apply was cut short at generation 2 (changing, step 1 of 3): another apply goes on",
    );
    const alive = await statusWith([record], (state) =>
      state.writeJournal({ ...journal, ...here, owner: ownProcess() }),
    );
    expect(alive.text).toContain("weir apply is at work on generation 2 (changing, step 1 of 3)");
    const before = await statusWith([record], (state) =>
      state.writeJournal({ ...journal, incarnation: "an earlier boot", owner: dead }),
    );
    expect(before.json.unfinished).toBeNull();
  });

  it("tells of a node that was started anew, and expects what was confirmed before that", async () => {
    const old = { ...record, incarnation: "an earlier boot" };
    const one = await statusWith([old], () => {});
    expect(one.json.notes.join()).toMatch(/was started anew since generation 1 was applied: weir apply --last/);
    expect(one.json.state).toBe("drift");
    const waiting: GenerationRecord = { ...old, generation: 2, state: "pending", previous: 1 };
    const two = await statusWith([old, waiting], () => {});
    expect(two.json.against?.generation).toBe(1);
    expect(two.json.pending).toBeNull();
    expect(two.json.notes).toContain("generation 2 was not confirmed before that");
  });

  it("tells what drains", async () => {
    const { json, text } = await statusWith([record], (state) =>
      state.writeDraining({
        planes: { ipvs: { waiting: 3, deadline: bootMilliseconds() + 60_000, leaving: [1] } },
        incarnation: incarnation(),
      }),
    );
    expect(json.draining).toMatchObject([{ plane: "ipvs", waiting: 3 }]);
    expect(text).toMatch(/ipvs: 3 objects stay until their connections end, \d+ s at the longest/);
  });
});
