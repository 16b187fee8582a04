import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { linuxHost } from "../../runtime/host/linux-host.ts";
import { runProgram } from "../support/built.ts";
import { temporaryFolder } from "../support/command.ts";
import { labTrouble, skipFor } from "../support/kernel.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";
import { complaintAboutEnd, openWeirNode, ways } from "../support/weir-node.ts";

/** The systemd unit: what it runs at boot puts back what was there, with no more privileges than it leaves. */

const unitPath = join(import.meta.dirname, "../../docs/systemd/weir.service");
const spec = join(import.meta.dirname, "../../fixtures/26-node-ports/service.weir");

/** The values of a setting, in the order in which they stand. */
function settings(name: string): readonly string[] {
  const lines = readFileSync(unitPath, "utf8").split("\n");
  return lines.flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []));
}

let test: TestPool | null = null;
let trouble: string | null = null;

beforeAll(async () => {
  trouble = await labTrouble();
  if (trouble === null) test = await openTestPool();
});

afterAll(() => test?.close());

describe("the systemd unit", () => {
  it.for(["weir.service", "weir-proxy.service"])("%s is one that systemd understands", async (name, context) => {
    if ((await linuxHost().find("systemd-analyze")) === null)
      return skipFor(context, "systemd-analyze is not installed");
    // systemd wants the program to exist
    const path = join(temporaryFolder(), name);
    const text = readFileSync(join(dirname(unitPath), name), "utf8");
    writeFileSync(path, text.replaceAll("/usr/bin/weir", "/bin/true"));
    const ended = await runProgram("systemd-analyze", ["verify", path]);
    expect(`${ended.stdout}${ended.stderr}`).toBe("");
    expect(ended.code).toBe(0);
  });

  it.for([ways.nftables, ways["iptables-nft"], ways["iptables-legacy"]])(
    "brings $name back after everything is gone",
    { timeout: 60_000 },
    async (way, context) => {
      if (test === null) return skipFor(context, trouble ?? "there is no lab");
      const node = await openWeirNode(test);
      try {
        const applied = await node.weir("apply", spec, "--node", "worker-1", ...way.args);
        expect(complaintAboutEnd("apply", applied)).toBeNull();
        await node.agent.run(["nft", "flush", "ruleset"]);
        for (const table of ["filter", "nat"]) {
          await node.agent.run(["iptables-legacy", "-t", table, "-F"]);
          await node.agent.run(["iptables-legacy", "-t", table, "-X"]);
        }
        expect((await node.weir("status")).code).toBe(1);

        const [command = ""] = settings("ExecStart");
        expect(settings("ExecReload")).toEqual([command]);
        const [program, ...args] = command.split(" ");
        expect(program).toBe("/usr/bin/weir");
        const kept = (settings("CapabilityBoundingSet")[0] ?? "").split(" ");
        const bounding = ["-all", ...kept.map((name) => `+${name.replace("CAP_", "").toLowerCase()}`)].join(",");
        const limits = ["setpriv", `--bounding-set=${bounding}`, `--inh-caps=${bounding}`, "--no-new-privs", "--"];
        const weir = [process.execPath, test.command, ...args, "--state", node.stateFolder];
        const booted = await node.agent.tryRun([...limits, ...weir]);
        expect(booted.stderr).toMatch(/^worker-1: generation 1 is back \(/);
        expect(booted.status).toBe(0);
        const status = await node.weir("status");
        expect(complaintAboutEnd("status", status)).toBeNull();

        const again = await node.agent.tryRun([...limits, ...weir]);
        expect(again.status).toBe(0);
        expect(again.stderr).toMatch(/nothing to do/);
      } finally {
        await node.close();
      }
    },
  );
});
