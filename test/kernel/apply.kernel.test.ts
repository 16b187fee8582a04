import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { builtWeir, type Ended, runProgram } from "../support/built.ts";
import { temporaryFolder } from "../support/command.ts";
import { labTrouble, skipFor } from "../support/kernel.ts";
import { type KernelNode, openKernelNode, type RunOptions, until } from "../support/kernel-node.ts";

// some twenty processes each, on a machine that may have much else to do
vi.setConfig({ testTimeout: 120_000 });

const script = builtWeir("apply");

const one = `node worker-1 {
  address 192.0.2.11
  pods 10.244.1.0/24
}
service shop/web {
  vip 10.96.0.10
  port http tcp 80 -> 8080
  endpoint 10.244.1.5 on worker-1
  endpoint 10.244.1.6 on worker-1
}
service dns/main {
  vip 10.96.0.53
  port dns udp 53
  endpoint 10.244.1.7 on worker-1
}
`;
const two = one.replace("10.244.1.6", "10.244.1.8");

beforeEach(async (context) => {
  const trouble = await labTrouble();
  if (trouble !== null) skipFor(context, trouble);
});

/** Artifacts of both specs for all backends. */
async function builds(): Promise<{ readonly one: string; readonly two: string }> {
  const folder = temporaryFolder({ "one.weir": one, "two.weir": two });
  const made = { one: join(folder, "one"), two: join(folder, "two") };
  for (const name of ["one", "two"] as const) {
    const args = ["compile", join(folder, `${name}.weir`), "--node", "worker-1", "-q", "-o", made[name]];
    const ended = await runProgram(process.execPath, [script, ...args]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
  }
  return made;
}

/** Listing the tables of iptables-legacy would make them, so they are listed only where there are some. */
const listRules = `
nft -s list table ip weir 2>/dev/null
echo =
for table in nat filter; do
  iptables-nft-save -t $table
  if grep -qsx $table /proc/net/ip_tables_names; then iptables-legacy-save -t $table; fi
done | grep WEIR- | sed "s/\\[[0-9]*:[0-9]*\\]//"
`;

/** What weir has in the kernel: rules as the tools list them, without counters. */
async function ownRules(node: KernelNode): Promise<{ readonly nftables: string; readonly iptables: string }> {
  const { stdout } = await node.run(["bash", "-c", listRules]);
  const [nftables = "", iptables = ""] = stdout.split("=\n");
  return { nftables, iptables };
}

const apply = (node: KernelNode, path: string, backend: string, args: readonly string[] = [], options?: RunOptions) =>
  node.weir(["apply", path, "--backend", backend, ...args], options);

const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/** Root of a user namespace may have nobody else to become. */
async function hasNobody(node: KernelNode): Promise<boolean> {
  return (await node.run([...nobody, "true"])).code === 0;
}

async function succeed(ended: Promise<Ended>): Promise<Ended> {
  const result = await ended;
  expect(result.code, result.stderr).toBe(0);
  return result;
}

describe("weir apply on a real kernel", () => {
  it("applies, does nothing a second time, and changes little afterwards", async () => {
    const node = await openKernelNode(script);
    const built = await builds();
    const dry = await succeed(apply(node, built.one, "nftables", ["--dry-run"]));
    expect(dry.stdout).toMatch(/^worker-1: nftables, \d+ operations in \d steps \(from the kernel\)\n/);
    expect(await ownRules(node)).toEqual({ nftables: "", iptables: "" });
    expect(node.state("current.json")).toBeNull();
    const first = await succeed(apply(node, built.one, "nftables"));
    expect(first.stderr).toContain("worker-1: generation 1 applied (nftables)");
    const again = await succeed(apply(node, built.one, "nftables"));
    expect(again.stderr).toBe("worker-1: nothing to do, the kernel holds generation 1 (nftables)\n");
    const change = await succeed(apply(node, built.two, "nftables", ["--json"]));
    const report = JSON.parse(change.stdout);
    expect(report).toMatchObject({ node: "worker-1", backend: "nftables", result: "applied", generation: 2 });
    expect(report.steps[0].operations.length).toBeLessThan(10);
    expect((await ownRules(node)).nftables).toContain("10.244.1.8");
  });

  it("moves between backends, back and forth, and cleans up", async () => {
    const node = await openKernelNode(script);
    const built = await builds();
    for (const backend of ["iptables", "nftables", "iptables", "userspace", "nftables"]) {
      await succeed(apply(node, built.one, backend));
      const rules = await ownRules(node);
      expect(rules.nftables === "", backend).toBe(backend !== "nftables");
      expect(rules.iptables === "", backend).toBe(backend === "nftables");
      expect(rules.iptables.includes("--to-destination 10.244.1.5:8080"), backend).toBe(backend === "iptables");
    }
    const dry = await succeed(node.weir(["cleanup", "--dry-run"]));
    expect(dry.stdout).toContain("delete table ip weir");
    await succeed(node.weir(["cleanup"]));
    expect(await ownRules(node)).toEqual({ nftables: "", iptables: "" });
    const last = await succeed(node.weir(["apply", "--last"]));
    expect(last.stderr).toBe("nothing was confirmed on this node: nothing to put back\n");
  });

  it("goes back by hand, one apply after the other", async () => {
    const node = await openKernelNode(script);
    const built = await builds();
    await succeed(apply(node, built.one, "nftables"));
    const first = await ownRules(node);
    await succeed(apply(node, built.two, "nftables"));
    const second = await ownRules(node);
    await succeed(apply(node, built.two, "iptables"));
    const back = await succeed(node.weir(["rollback"]));
    expect(back.stderr).toContain("generation 3 is rolled back");
    expect(await ownRules(node)).toEqual(second);
    await succeed(node.weir(["rollback"]));
    expect(await ownRules(node)).toEqual(first);
    await succeed(node.weir(["rollback"]));
    expect(await ownRules(node)).toEqual({ nftables: "", iptables: "" });
    expect(await node.weir(["rollback"])).toMatchObject({ code: 1 });
  });

  it("puts the last confirmed generation back after a reboot", async () => {
    const node = await openKernelNode(script);
    const built = await builds();
    await succeed(apply(node, built.one, "nftables"));
    const rules = await ownRules(node);
    await node.run(["nft", "flush", "ruleset"]);
    const last = await succeed(node.weir(["apply", "--last"]));
    expect(last.stderr).toContain("worker-1: generation 1 is back (nftables)");
    expect(await ownRules(node)).toEqual(rules);
    const again = await succeed(node.weir(["apply", "--last", "--quiet"]));
    expect(again).toMatchObject({ stdout: "", stderr: "" });
  });

  it("shows a plan to a user who may not read the kernel, and says from where", async (context) => {
    const node = await openKernelNode(script);
    if (!(await hasNobody(node))) return context.skip("no other user here");
    const built = await builds();
    await succeed(apply(node, built.one, "nftables"));
    chmodSync(join(built.two, ".."), 0o755);
    const plan = [process.execPath, script, "apply", built.two, "--backend", "nftables", "--dry-run"];
    const blind = await succeed(node.run([...nobody, ...plan, "--state", node.stateFolder]));
    expect(blind.stdout).toContain("(from an empty kernel, because this user may not read the real one)");
    await node.run(["chmod", "-R", "a+rX", join(node.stateFolder, "..")]);
    const told = await succeed(node.run([...nobody, ...plan, "--state", node.stateFolder]));
    expect(told.stdout).toContain("(from generation 1, because this user may not read the kernel)");
    expect(told.stdout).toContain("10.244.1.8");
  });

  it("takes iptables where IPVS is missing, and says so, or refuses", async (context) => {
    const node = await openKernelNode(script);
    const built = await builds();
    const refused = await apply(node, built.one, "ipvs", ["--no-fallback"]);
    if (refused.code === 0) return context.skip("this kernel has IPVS");
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("error: this node cannot do ipvs: ") });
    expect(await ownRules(node)).toEqual({ nftables: "", iptables: "" });
    const taken = await succeed(apply(node, built.one, "ipvs"));
    expect(taken.stderr).toMatch(/^warning: this node cannot do ipvs \(.*\): iptables is used instead/);
    expect((await ownRules(node)).iptables).toContain("--to-destination 10.244.1.5:8080");
  });

  it("compiles specs in memory and reports their errors", async () => {
    const node = await openKernelNode(script);
    const folder = temporaryFolder({ "one.weir": one, "bad.weir": one.replace("tcp 80", "tcp 99999") });
    expect(await apply(node, join(folder, "bad.weir"), "nftables")).toMatchObject({ code: 1 });
    expect(node.state("current.json")).toBeNull();
    await succeed(apply(node, join(folder, "one.weir"), "auto"));
    expect((await ownRules(node)).nftables).not.toBe("");
  });
});

describe("confirmation", () => {
  it("keeps what is confirmed in time", async () => {
    const node = await openKernelNode(script);
    const built = await builds();
    await succeed(apply(node, built.one, "nftables"));
    const change = await succeed(apply(node, built.two, "iptables", ["--confirm", "60s"]));
    expect(change.stderr).toContain("the state before comes back in 1m unless you run: weir confirm");
    const refused = await apply(node, built.one, "nftables");
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain("generation 2 waits for its confirmation");
    const rules = await ownRules(node);
    await succeed(node.weir(["confirm"]));
    await until(() => !isKeeperThere(node), "the keeper's end");
    expect(await ownRules(node)).toEqual(rules);
    expect(rules.nftables).toBe("");
  });

  it("restores the state before when nobody confirms", async () => {
    const node = await openKernelNode(script);
    const built = await builds();
    await succeed(apply(node, built.one, "nftables"));
    const rules = await ownRules(node);
    await succeed(apply(node, built.two, "iptables", ["--confirm", "1s"]));
    await until(() => !isKeeperThere(node), "the keeper's end");
    expect(await ownRules(node)).toEqual(rules);
    const late = await node.weir(["confirm"]);
    expect(late).toMatchObject({ code: 1 });
    expect(late.stderr).toContain("generation 2 is rolled back (generation 2 was not confirmed within 1 s)");
  });
});

/** The holder of keeper.lock is alive. */
function isKeeperThere(node: KernelNode): boolean {
  const holder = node.state("keeper.lock");
  if (typeof holder !== "object" || holder === null || !("process" in holder)) return false;
  const { process: keeper } = holder;
  if (typeof keeper !== "object" || keeper === null || !("pid" in keeper) || !("startTime" in keeper)) return false;
  try {
    const stat = readFileSync(`/proc/${keeper.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] !== "Z" && fields[19] === keeper.startTime;
  } catch {
    return false;
  }
}

/** How many milestones a command passes, by running it once for real. */
async function milestonesOf(
  node: KernelNode,
  run: (options: RunOptions) => Promise<Ended>,
): Promise<readonly string[]> {
  const file = join(temporaryFolder(), "milestones");
  writeFileSync(file, "");
  await succeed(run({ environment: { WEIR_TEST_MILESTONES: file } }));
  void node;
  return readFileSync(file, "utf8").trim().split("\n");
}

describe("weir apply that is killed", () => {
  it("leaves rules that are whole wherever it happens, and the next apply finishes the work", async () => {
    const node = await openKernelNode(script);
    const built = await builds();
    const sides = [
      { path: built.one, backend: "nftables" },
      { path: built.two, backend: "iptables" },
    ] as const;
    const wholes: string[] = ["", ""];
    await succeed(apply(node, sides[1].path, sides[1].backend));
    wholes[1] = (await ownRules(node)).iptables;
    const names = await milestonesOf(node, (options) => apply(node, sides[0].path, sides[0].backend, [], options));
    wholes[0] = (await ownRules(node)).nftables;
    expect(names.length).toBeGreaterThan(15);
    let from = 0;
    for (let at = 1; at <= names.length; at++) {
      const target = sides[1 - from];
      if (target === undefined) throw new Error("there are two sides");
      const kill = { environment: { WEIR_TEST_KILL_AT: String(at) } };
      const killed = await apply(node, target.path, target.backend, [], kill);
      const where = `killed at ${at}, ${names[at - 1]}: ${killed.stderr}`;
      const rules = await ownRules(node);
      const isThere = [rules.nftables !== "", rules.iptables !== ""];
      expect(isThere.includes(true), where).toBe(true);
      if (isThere[0]) expect(rules.nftables, where).toBe(wholes[0]);
      if (isThere[1]) expect(rules.iptables, where).toBe(wholes[1]);
      await succeed(apply(node, target.path, target.backend));
      from = 1 - from;
      const after = await ownRules(node);
      expect(after, where).toEqual(
        from === 0 ? { nftables: wholes[0], iptables: "" } : { nftables: "", iptables: wholes[1] },
      );
    }
  }, 600_000);

  it("is undone by its keeper wherever it happens, when it was to be confirmed", async () => {
    const node = await openKernelNode(script);
    const built = await builds();
    await succeed(apply(node, built.one, "nftables"));
    const before = await ownRules(node);
    const change = (options: RunOptions) => apply(node, built.two, "iptables", ["--confirm", "1s"], options);
    const names = await milestonesOf(node, change);
    const restored = async (): Promise<boolean> => {
      if (isKeeperThere(node)) return false;
      const rules = await ownRules(node);
      return rules.nftables === before.nftables && rules.iptables === "";
    };
    await until(restored, "the state before the milestones were counted");
    for (let at = 1; at <= names.length; at++) {
      await change({ environment: { WEIR_TEST_KILL_AT: String(at) } });
      await until(restored, `the state before, killed at ${at}, ${names[at - 1]}`);
    }
    await succeed(apply(node, built.two, "nftables"));
  }, 600_000);

  it("is undone by the next command when the keeper is killed as well", async () => {
    const node = await openKernelNode(script);
    const built = await builds();
    await succeed(apply(node, built.one, "nftables"));
    const before = await ownRules(node);
    // every third place: each is visited above, with a keeper that lives
    for (let at = 1; at <= 60; at += 3) {
      const kill = { environment: { WEIR_TEST_KEEPER_KILL_AT: String(at) } };
      await succeed(apply(node, built.two, "iptables", ["--confirm", "1s"], kill));
      await until(() => !isKeeperThere(node), "the keeper's end");
      const log = readFileSync(join(node.stateFolder, "keeper.log"), "utf8").trim().split("\n");
      await until(async () => (await node.weir(["confirm"])).code === 1, "the refusal of a late confirmation");
      expect(await ownRules(node), `keeper killed at ${at}`).toEqual(before);
      // one that reaches its end is killed no more
      if (log.filter((line) => line.includes("the state before is restored")).length > 0) return;
    }
    throw new Error("the keeper never reached its end");
  }, 600_000);
});

describe("what stops an apply leaves the kernel as it was", () => {
  async function refused(node: KernelNode, ended: Promise<Ended>, words: RegExp): Promise<void> {
    const before = await ownRules(node);
    const { code, stderr } = await ended;
    expect(stderr).toMatch(words);
    expect(code, stderr).toBe(2);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(await ownRules(node)).toEqual(before);
  }

  it("another apply at the same time", async () => {
    const node = await openKernelNode(script);
    const built = await builds();
    await succeed(apply(node, built.one, "nftables"));
    mkdirSync(node.stateFolder, { recursive: true });
    const holder = `exec 9<>${node.stateFolder}/lock; flock 9; : > ${node.stateFolder}/lock; echo '{"process":{"pid":'$$',"startTime":"'$(cut -d' ' -f22 /proc/$$/stat)'"},"command":"apply","since":"2026-01-01T00:00:00Z"}' >&9; touch ${node.stateFolder}/held; while [ -e ${node.stateFolder}/held ]; do sleep 0.1; done`;
    const other = node.run(["bash", "-c", holder]);
    await until(
      () => node.state("lock") !== null && readFileSync(join(node.stateFolder, "lock"), "utf8").includes("2026-01-01"),
      "the other apply",
    );
    await refused(
      node,
      apply(node, built.two, "nftables"),
      /error: process \d+ \(weir apply, since .*\) is changing this node/,
    );
    await node.run(["rm", `${node.stateFolder}/held`]);
    await other;
    await succeed(apply(node, built.two, "nftables"));
  });

  it("an artifact for another node, of another backend, or changed by hand", async () => {
    const node = await openKernelNode(script);
    const built = await builds();
    await succeed(apply(node, built.one, "nftables"));
    await refused(
      node,
      apply(node, built.one, "nftables", ["--node", "worker-2"]),
      /has nothing for the node worker-2/,
    );
    const ruleset = join(built.two, "worker-1/nftables/ruleset.nft");
    writeFileSync(ruleset, readFileSync(ruleset, "utf8").replace("10.244.1.5", "10.244.9.9"));
    await refused(node, apply(node, built.two, "nftables"), /ruleset.nft is not what manifest.json says/);
  });

  it("a state folder that is read-only, full, or of others", async () => {
    const node = await openKernelNode(script);
    const built = await builds();
    await succeed(apply(node, built.one, "nftables"));
    const inside = (mount: string) => {
      const weir = `${process.execPath} ${script} apply ${built.two} --backend nftables --state ${node.stateFolder}`;
      return node.run(["unshare", "--mount", "bash", "-c", `${mount} || exit 99; ${weir}`]);
    };
    const { stateFolder } = node;
    await refused(
      node,
      inside(`mount --bind ${stateFolder} ${stateFolder} && mount -o remount,bind,ro ${stateFolder}`),
      /read-only/,
    );
    const full = `mount -t tmpfs -o size=64k,mode=700 tmpfs ${stateFolder} && head -c 1M /dev/zero > ${stateFolder}/filler; true`;
    await refused(node, inside(full), /no space left on the device/);
    await refused(node, inside(`mount -t tmpfs -o mode=777 tmpfs ${stateFolder}`), /can be written by others/);
  });

  it("a tool that is missing, or no privileges", async () => {
    const node = await openKernelNode(script);
    const built = await builds();
    await succeed(apply(node, built.one, "iptables"));
    const without = `mkdir -p /tmp/empty-$$; touch /tmp/empty-$$/nft; mount --bind /tmp/empty-$$/nft $(command -v nft); rm -r /tmp/empty-$$`;
    const weir = `${process.execPath} ${script} apply ${built.two} --backend nftables --state ${node.stateFolder}`;
    await refused(
      node,
      node.run(["unshare", "--mount", "bash", "-c", `${without}; ${weir}`]),
      /nft.*\n.*apt-get install nftables/s,
    );
    if (!(await hasNobody(node))) return;
    const state = temporaryFolder();
    const plain = [process.execPath, script, "apply", built.two, "--backend", "nftables", "--state", join(state, "x")];
    const { code, stderr } = await node.run([...nobody, ...plain]);
    expect(code, stderr).toBe(2);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it("a step that the kernel refuses, after which the state before is restored", async () => {
    const node = await openKernelNode(script);
    const built = await builds();
    await succeed(apply(node, built.one, "iptables"));
    const before = await ownRules(node);
    // nft loads nothing in this namespace, though it lists here and loads elsewhere
    const namespace = (await node.run(["readlink", "/proc/self/ns/net"])).stdout.trim();
    const nft = (await runProgram("bash", ["-c", "command -v nft"])).stdout.trim();
    const folder = temporaryFolder({
      nft: `#!/bin/bash
if [[ " $* " == *" --file "* && " $* " != *" --check "* && $(readlink /proc/self/ns/net) == "${namespace}" ]]; then
  echo "Error: Could not process rule: No space left on device" >&2
  exit 1
fi
exec -a nft ${join(dirname(nft), "nft.real")} "$@"
`,
    });
    // a copy of the tools' folder with the wrapper in it, over the real one
    const mount = [
      `mkdir ${folder}/bin && cp -a ${dirname(nft)}/. ${folder}/bin && mv ${folder}/bin/nft ${folder}/bin/nft.real`,
      `cp ${folder}/nft ${folder}/bin/nft && chmod 755 ${folder}/bin/nft && mount --bind ${folder}/bin ${dirname(nft)}`,
    ].join(" && ");
    const weir = `${process.execPath} ${script} apply ${built.two} --backend nftables --state ${node.stateFolder}`;
    const ended = await node.run(["unshare", "--mount", "bash", "-c", `${mount} || exit 99; ${weir}`]);
    expect(ended.code, ended.stderr).toBe(1);
    expect(ended.stderr).toContain("error: step 1: ");
    expect(ended.stderr).toContain("the state before is restored, generation 2 was not applied");
    expect(await ownRules(node)).toEqual(before);
    await succeed(apply(node, built.two, "nftables"));
  });
});
