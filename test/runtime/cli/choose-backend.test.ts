import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { applyDesired } from "../../../runtime/apply/apply.ts";
import { carriedBackend, chooserOf } from "../../../runtime/cli/choose-backend.ts";
import type { GenerationRecord } from "../../../runtime/state/schema.ts";
import { stateReader } from "../../../runtime/state/state.ts";
import { memoryFolder } from "../../support/command.ts";
import { fakeDesired, fakeSite } from "../../support/fake-site.ts";

/** What a node carries needs no look at what it could do. */

const silent = (text: string): never => {
  throw new Error(text);
};

async function folderWith(backend: "ipvs" | "nftables", change: Partial<GenerationRecord> = {}): Promise<string> {
  const folder = memoryFolder();
  const { site } = fakeSite(folder);
  await applyDesired(site, fakeDesired(backend, ["a"]), { confirmSeconds: null, drainSeconds: 0 });
  site.state.replaceRecord({ ...site.state.record(1), ...change });
  return folder;
}

const carriedIn = (folder: string) => carriedBackend(stateReader(folder));

describe("the backend that a node carries", () => {
  it("is what was applied to this kernel", async () => {
    expect(carriedIn(await folderWith("ipvs"))).toBe("ipvs");
  });

  it.each<readonly [string, Partial<GenerationRecord>]>([
    ["waits for its confirmation", { state: "pending" }],
    ["was applied before the node was started anew", { incarnation: "another boot" }],
  ])("is not known when it %s", async (_, change) => {
    expect(carriedIn(await folderWith("ipvs", change))).toBeNull();
  });

  it("is not known without a state folder, or one that cannot be read", async () => {
    expect(carriedIn("/nowhere")).toBeNull();
    const folder = await folderWith("ipvs");
    writeFileSync(join(folder, "current.json"), "{");
    expect(carriedIn(folder)).toBeNull();
  });
});

describe("the choice of a backend", () => {
  it("is ipvs where it is carried, also when it could not be told whether this machine can do it", async () => {
    const choose = chooserOf("ipvs", false, "ipvs", silent);
    expect(await choose(["ipvs", "iptables"])).toBe("ipvs");
  });

  it("is nftables by itself where that is carried", async () => {
    expect(await chooserOf("auto", true, "nftables", silent)(["ipvs", "nftables"])).toBe("nftables");
  });

  it("is what was named", async () => {
    expect(await chooserOf("userspace", true, "nftables", silent)(["nftables"])).toBe("userspace");
  });
});
