import { describe, expect, it } from "vitest";
import { type ApplyOptions, applyDesired } from "../../../runtime/apply/apply.ts";
import { journalize } from "../../../runtime/apply/site.ts";
import { HostError } from "../../../runtime/host/error.ts";
import type { GenerationRecord } from "../../../runtime/state/schema.ts";
import { memoryFolder } from "../../support/command.ts";
import { type FakeSite, fakeDesired, fakeSite } from "../../support/fake-site.ts";

const keep: ApplyOptions = { confirmSeconds: null, drainSeconds: 900 };
const nft = (...lines: readonly string[]) => fakeDesired("nftables", lines);

/** A node with a kernel that counts, on which a generation was applied and read back. */
async function applied(options = keep): Promise<FakeSite> {
  const fake = fakeSite(memoryFolder());
  fake.count = 7;
  await applyDesired(fake.site, nft("a"), options);
  fake.reads.length = 0;
  return fake;
}

function changeRecord({ site }: FakeSite, change: Partial<GenerationRecord>): void {
  site.state.replaceRecord({ ...site.state.record(1), ...change });
}

describe("a kernel that counts its changes", () => {
  it("is not read, before or after, while nobody else changes it", async () => {
    const fake = await applied();
    expect(await applyDesired(fake.site, nft("b"), keep)).toMatchObject({ kind: "applied", generation: 2 });
    expect(await applyDesired(fake.site, nft("b"), keep)).toEqual({ kind: "unchanged", generation: 2 });
    expect(await applyDesired(fake.site, nft("c"), keep)).toMatchObject({ kind: "applied", generation: 3 });
    expect(fake.kernel.nftables).toEqual(["c"]);
    expect(fake.reads).toEqual([]);
  });

  it("is read when it is asked for", async () => {
    const fake = await applied();
    await applyDesired(fake.site, nft("b"), { ...keep, readsAll: true });
    expect(fake.reads.filter((plane) => plane === "nftables")).toHaveLength(2);
  });

  it("is read when its rules are wanted elsewhere than they are", async () => {
    const fake = await applied();
    fake.suits = false;
    await applyDesired(fake.site, nft("b"), keep);
    expect(fake.reads.filter((plane) => plane === "nftables")).toHaveLength(2);
  });

  it("is read when somebody else changed it", async () => {
    const fake = await applied();
    fake.kernel.nftables = ["a", "x"];
    fake.count = (fake.count ?? 0) + 1;
    await applyDesired(fake.site, nft("a", "b"), keep);
    expect(fake.kernel.nftables).toEqual(["a", "b"]);
  });

  it("is read back when somebody else changes it in the middle of an apply", async () => {
    const fake = await applied();
    fake.onStep = () => {
      fake.onStep = () => {};
      fake.kernel.nftables = [...fake.kernel.nftables, "x"];
      fake.count = (fake.count ?? 0) + 1;
    };
    expect(await applyDesired(fake.site, nft("b"), keep)).toMatchObject({
      kind: "rolled-back",
      failure: { differences: [{ action: "delete", name: "x" }] },
    });
  });

  it("is not read for a move, but the plane is to which it goes", async () => {
    const fake = await applied();
    fake.onStep = () => expect(fake.reads).toEqual(["iptables"]);
    expect(await applyDesired(fake.site, fakeDesired("iptables", ["b"]), keep)).toMatchObject({ kind: "applied" });
    expect(fake.kernel).toEqual({ nftables: [], iptables: ["b"], ipvs: [] });
  });

  it("is read back when another plane changes too, which it counts nothing of", async () => {
    const fake = await applied();
    fake.distort = (line) => (line === "b" ? null : line);
    expect(await applyDesired(fake.site, fakeDesired("iptables", ["b"]), keep)).toMatchObject({ kind: "rolled-back" });
    expect(fake.kernel).toEqual({ nftables: ["a"], iptables: [], ipvs: [] });
  });

  it.each<readonly [string, (fake: FakeSite) => void]>([
    ["the last change was cut short", (fake) => journalize(fake.site, 1, "changing", { step: 1, steps: 1 })],
    ["the node was started anew", (fake) => changeRecord(fake, { incarnation: "another boot" })],
    ["the generation is not confirmed", (fake) => changeRecord(fake, { state: "pending" })],
  ])("is read when %s", async (_, happen) => {
    const fake = await applied();
    happen(fake);
    await applyDesired(fake.site, nft("b"), keep);
    expect(fake.reads.slice(0, 3)).toEqual(["nftables", "iptables", "ipvs but rules"]);
  });

  it("is read again when it changed while it was read", async () => {
    const fake = fakeSite(memoryFolder());
    fake.count = 7;
    fake.onRead = (plane) => {
      if (plane !== "nftables" || fake.log.length === 0) return;
      fake.onRead = () => {};
      fake.kernel.nftables = ["a", "x"];
      fake.count = 9;
    };
    await applyDesired(fake.site, nft("a"), keep);
    await applyDesired(fake.site, nft("a", "b"), keep);
    expect(fake.kernel.nftables).toEqual(["a", "b"]);
  });
});

describe("a kernel that counts another plane only", () => {
  const ipvs = (...lines: readonly string[]) => fakeDesired("ipvs", lines);
  const sparing = ["iptables", "ipvs but rules"];

  async function moved(options = keep): Promise<FakeSite> {
    const fake = fakeSite(memoryFolder());
    fake.count = 7;
    await applyDesired(fake.site, ipvs("a"), options);
    fake.reads.length = 0;
    return fake;
  }

  it("is read where it is not counted, before and after a change", async () => {
    const fake = await moved();
    await applyDesired(fake.site, ipvs("b"), keep);
    expect(fake.reads).toEqual([...sparing, ...sparing]);
    // and it is remembered that nothing has changed since
    fake.reads.length = 0;
    expect(await applyDesired(fake.site, ipvs("b"), keep)).toEqual({ kind: "unchanged", generation: 2 });
    expect(fake.reads).toEqual(sparing);
  });

  it("sees what somebody else did where it is not counted", async () => {
    const fake = await moved();
    fake.kernel.ipvs = ["x"];
    await applyDesired(fake.site, ipvs("a"), keep);
    expect(fake.kernel.ipvs).toEqual(["a"]);
  });

  it("is read wholly when somebody else changed what is counted", async () => {
    const fake = await moved();
    fake.kernel.nftables = ["x"];
    fake.count = (fake.count ?? 0) + 1;
    await applyDesired(fake.site, ipvs("b"), keep);
    expect(fake.reads).toEqual(["nftables", "iptables", "ipvs", "nftables", "iptables", "ipvs"]);
    expect(fake.kernel).toEqual({ nftables: [], iptables: [], ipvs: ["b"] });
  });

  it("is read wholly after steps where it is counted", async () => {
    const fake = await moved();
    fake.onStep = () => {
      fake.onStep = () => {};
      fake.count = (fake.count ?? 0) + 1;
    };
    await applyDesired(fake.site, ipvs("b"), keep);
    expect(fake.reads).toEqual([...sparing, "nftables", "iptables", "ipvs"]);
  });

  it("is read wholly when it is asked for", async () => {
    const fake = await moved();
    await applyDesired(fake.site, ipvs("b"), { ...keep, readsAll: true });
    expect(fake.reads).toEqual(["nftables", "iptables", "ipvs", "nftables", "iptables", "ipvs"]);
  });

  it("is read where its rules are wanted elsewhere than they were", async () => {
    const fake = await moved();
    fake.suits = false;
    await applyDesired(fake.site, ipvs("a"), keep);
    expect(fake.reads).toEqual(["iptables", "ipvs"]);
  });

  it("is read where it is to be filled, though it held nothing", async () => {
    const fake = await moved();
    fake.onStep = () => expect(fake.reads).toEqual(["nftables", "iptables", "ipvs but rules"]);
    await applyDesired(fake.site, nft("b"), keep);
    expect(fake.kernel).toEqual({ nftables: ["b"], iptables: [], ipvs: [] });
  });
});

describe("a kernel that counts nothing, and may be assumed", () => {
  async function assumed(): Promise<FakeSite> {
    const fake = fakeSite(memoryFolder());
    fake.mayAssume = true;
    await applyDesired(fake.site, nft("a"), keep);
    fake.reads.length = 0;
    return fake;
  }

  it("is read after a change only", async () => {
    const fake = await assumed();
    fake.onStep = () => expect(fake.reads).toEqual([]);
    expect(await applyDesired(fake.site, nft("b"), keep)).toMatchObject({ kind: "applied", generation: 2 });
    expect(fake.reads.filter((plane) => plane === "nftables")).toHaveLength(1);
  });

  it("is read when there seems to be nothing to do", async () => {
    const fake = await assumed();
    fake.kernel.nftables = [];
    expect(await applyDesired(fake.site, nft("a"), keep)).toMatchObject({ kind: "applied" });
    expect(fake.kernel.nftables).toEqual(["a"]);
  });

  it("is brought to what is desired also when it held something else", async () => {
    const fake = await assumed();
    fake.kernel.nftables = ["x"];
    const result = await applyDesired(fake.site, nft("a", "b"), keep);
    expect(result).toMatchObject({ kind: "applied", generation: 2 });
    expect(result.kind === "applied" ? result.steps.length : 0).toBeGreaterThan(1);
    expect(fake.kernel.nftables).toEqual(["a", "b"]);
  });

  it("is read and planned anew when the step from the assumption is refused", async () => {
    const fake = await assumed();
    fake.kernel.nftables = [];
    fake.onStep = () => {
      fake.onStep = () => {};
      throw new HostError("refused", "there is no such chain");
    };
    expect(await applyDesired(fake.site, nft("a", "b"), keep)).toMatchObject({ kind: "applied" });
    expect(fake.kernel.nftables).toEqual(["a", "b"]);
  });

  it("goes back to the generation before when what it holds cannot be changed", async () => {
    const fake = await assumed();
    fake.distort = (line) => (line === "b" ? null : line);
    expect(await applyDesired(fake.site, nft("a", "b"), keep)).toMatchObject({ kind: "rolled-back" });
    expect(fake.kernel.nftables).toEqual(["a"]);
  });
});
