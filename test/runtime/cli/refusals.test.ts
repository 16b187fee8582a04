import { describe, expect, it } from "vitest";
import { incarnation } from "../../../runtime/host/identity.ts";
import type { GenerationRecord } from "../../../runtime/state/schema.ts";
import { stateWriter } from "../../../runtime/state/state.ts";
import { memoryFolder } from "../../support/command.ts";
import { desiredOf } from "../../support/desired.ts";
import weirCall from "../../support/weir-call.ts";

/** What commands say when there is nothing for them to do: the kernel is not met. */

async function weir(...args: readonly string[]) {
  const { code, stdout, stderr } = await weirCall({ args, command: "weir" });
  return { code, stdout, stderr };
}

/** A state folder whose only generation is not in the kernel any more. */
async function folderWith(state: GenerationRecord["state"], reason: string | null): Promise<string> {
  const folder = memoryFolder();
  const writer = stateWriter(folder);
  const record: GenerationRecord = {
    format: 1,
    generation: 1,
    state,
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
    reason,
  };
  writer.addGeneration(record, await desiredOf("nftables"), {});
  writer.writeCurrent({ generation: null, tokens: {} });
  return folder;
}

describe("apply --last", () => {
  it.each([
    ["--node", "worker-2"],
    ["--backend", "iptables"],
    ["--node-address", "192.0.2.1"],
  ])("refuses %s, which would be without effect", async (...options) => {
    const ended = await weir("apply", "--last", ...options, "--state", "/nowhere");
    expect(ended).toMatchObject({ code: 64, stdout: "" });
    expect(ended.stderr).toContain("it takes no options about them");
  });

  it("of a new node does nothing, and its document has all fields", async () => {
    const { code, stdout } = await weir("apply", "--last", "--json", "--state", "/nowhere");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      node: null,
      backend: null,
      result: "nothing",
      generation: null,
      steps: [],
      failure: null,
      restore: null,
      notes: [],
    });
  });
});

describe("without a generation in the kernel", () => {
  it.each([
    ["rolled-back", "not confirmed within 60 s", "generation 1 is rolled back (not confirmed within 60 s)"],
    ["failed", "step 1: no space", "generation 1 was not applied (step 1: no space)"],
    ["confirmed", null, "generation 1 was confirmed, and removed since"],
  ] as const)("confirm says what became of one that is %s", async (state, reason, told) => {
    const { code, stderr } = await weir("confirm", "--state", await folderWith(state, reason));
    expect([code, stderr]).toEqual([1, `error: nothing waits for a confirmation: ${told}\n`]);
  });

  it("rollback says whether there ever was one", async () => {
    const fresh = await weir("rollback", "--state", memoryFolder());
    expect([fresh.code, fresh.stderr]).toEqual([1, "error: nothing to go back from: nothing was applied\n"]);
    const later = await weir("rollback", "--state", await folderWith("rolled-back", null));
    expect(later.stderr).toContain("nothing is applied any more");
  });
});
