import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { incarnation, isAlive, ownProcess } from "../../../runtime/host/identity.ts";
import { linuxHost } from "../../../runtime/host/linux-host.ts";
import { makeFolder, readText, replaceFile } from "../../../runtime/state/files.ts";
import { tryLock } from "../../../runtime/state/lock.ts";
import type { GenerationRecord } from "../../../runtime/state/schema.ts";
import { lastConfirmed, stateReader, stateWriter } from "../../../runtime/state/state.ts";
import { memoryFolder } from "../../support/command.ts";
import { fakeDesired } from "../../support/fake-site.ts";

function record(generation: number, state: GenerationRecord["state"], previous: number | null): GenerationRecord {
  return {
    format: 1,
    generation,
    state,
    node: "worker-1",
    backend: "nftables",
    spec: "sha256:0",
    from: "build",
    startedAt: "2026-01-01T00:00:00.000Z",
    changedAt: "2026-01-01T00:00:00.000Z",
    previous,
    incarnation: incarnation(),
    confirm: null,
    preflight: null,
    reason: null,
  };
}

const desired = fakeDesired("nftables", ["a", "b"]);

describe("the state folder", () => {
  it("gives back what was written, in files of its owner alone", () => {
    const folder = join(memoryFolder(), "deep/state");
    const state = stateWriter(folder);
    const snapshots = { nftables: { ruleset: "table ip weir {}\n" }, iptables: {} };
    state.addGeneration(record(1, "confirmed", null), desired, snapshots);
    state.writeCurrent({ generation: 1, tokens: { nftables: "7" } });
    const reader = stateReader(folder);
    expect(reader.current()).toMatchObject({ generation: 1, tokens: { nftables: "7" }, incarnation: incarnation() });
    expect(reader.snapshots(1)).toEqual(snapshots);
    const { from: _, ...artifact } = reader.artifact(reader.record(1));
    const { from: __, ...said } = desired;
    expect(artifact).toEqual(said);
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    const modes = entries.map((entry) => statSync(join(entry.parentPath, entry.name)).mode & 0o077);
    expect([...modes, statSync(folder).mode & 0o077].every((mode) => mode === 0)).toBe(true);
    expect(entries.length).toBeGreaterThan(8);
  });

  it("that is not there says nothing", () => {
    const reader = stateReader("/nowhere/at/all");
    expect(reader.current().generation).toBeNull();
    expect([reader.journal(), reader.draining(), reader.generations()]).toEqual([null, null, []]);
  });

  it("must be a real folder that nobody else writes", () => {
    const parent = memoryFolder({ "real/x": "" });
    symlinkSync(join(parent, "real"), join(parent, "link"));
    expect(() => makeFolder(join(parent, "link"))).toThrow("is a symbolic link");
    chmodSync(join(parent, "real"), 0o777);
    expect(() => makeFolder(join(parent, "real"))).toThrow("can be written by others");
    writeFileSync(join(parent, "file"), "");
    expect(() => makeFolder(join(parent, "file"))).toThrow("is no folder");
    // where mkdir says that there is no such folder, however often it is tried
    expect(() => makeFolder("/proc/weir/state")).toThrow("cannot make /proc/weir/state: no such file or folder");
  });

  it("follows no link in the place of a file, and names a damaged one", () => {
    const folder = memoryFolder({ elsewhere: "{}" });
    symlinkSync(join(folder, "elsewhere"), join(folder, "current.json"));
    expect(() => stateReader(folder).current()).toThrow(/cannot read .*current.json: it is a symbolic link/);
    replaceFile(join(folder, "current.json"), '{"format":2}');
    expect(() => stateReader(folder).current()).toThrow(/current.json is damaged, or of another version of weir/);
    expect(readText(join(folder, "elsewhere"))).toBe("{}");
  });

  it("leaves nothing half written beside a file that cannot be replaced", () => {
    const folder = memoryFolder({ "current.json/x": "" });
    expect(() => replaceFile(join(folder, "current.json"), "{}")).toThrow(
      /cannot write .*current.json: it is a folder/,
    );
    expect(readdirSync(folder)).toEqual(["current.json"]);
  });

  it("does not take an artifact that was changed", () => {
    const folder = join(memoryFolder(), "state");
    const state = stateWriter(folder);
    state.addGeneration(record(1, "confirmed", null), desired, {});
    writeFileSync(join(folder, "generations/000001/artifact/nftables/rules"), "c\n");
    const reader = stateReader(folder);
    expect(() => reader.artifact(reader.record(1))).toThrow(
      /is not what manifest.json says.*\n.*move .* away and apply again/,
    );
  });

  it("forgets what was left half written, and all generations but the last ten and those needed", () => {
    const folder = join(memoryFolder(), "state");
    const state = stateWriter(folder);
    for (let at = 1; at <= 12; at++) state.addGeneration(record(at, "confirmed", null), desired, {});
    mkdirSync(join(folder, "generations/.000013.new/artifact"), { recursive: true });
    expect(state.generations()).toHaveLength(12);
    state.prune(new Set([1]));
    expect(state.generations()).toEqual([1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(readdirSync(join(folder, "generations"))).toHaveLength(11);
  });

  it("knows the last confirmed generation behind one that waits", () => {
    const state = stateWriter(join(memoryFolder(), "state"));
    state.addGeneration(record(1, "confirmed", null), desired, {});
    state.addGeneration(record(2, "rolled-back", 1), desired, {});
    state.addGeneration(record(3, "pending", 1), desired, {});
    state.writeCurrent({ generation: 3, tokens: {} });
    expect(lastConfirmed(state)?.generation).toBe(1);
    state.markGeneration(3, "confirmed", null);
    expect(lastConfirmed(state)?.generation).toBe(3);
    state.writeCurrent({ generation: null, tokens: {} });
    expect(lastConfirmed(state)).toBeNull();
  });

  it("does not take what drained before the last boot for something that still does", () => {
    const state = stateWriter(join(memoryFolder(), "state"));
    const planes = { ipvs: { waiting: 1, deadline: 5, leaving: [1] } };
    state.writeDraining({ planes, incarnation: incarnation() });
    expect(state.draining()?.planes).toEqual(planes);
    state.writeDraining({ planes, incarnation: "another boot" });
    expect(state.draining()).toBeNull();
  });
});

describe("the lock", () => {
  it("is held by one, who is named to the others", async () => {
    const path = join(memoryFolder(), "lock");
    const first = await tryLock(linuxHost(), path, "apply");
    if (!("lock" in first)) throw new Error("the lock was taken");
    const second = await tryLock(linuxHost(), path, "rollback");
    expect(second).toMatchObject({ holder: { process: ownProcess(), command: "apply" } });
    const gone = { process: { pid: 1 << 22, startTime: "1" }, command: "apply", since: "then" };
    writeFileSync(path, JSON.stringify(gone));
    expect(await tryLock(linuxHost(), path, "rollback")).toEqual({ holder: null });
    first.lock.release();
    expect(await tryLock(linuxHost(), path, "rollback")).toHaveProperty("lock");
  });

  it("lasts until the last program that inherited it has ended", async () => {
    const path = join(memoryFolder(), "lock");
    const first = await tryLock(linuxHost(), path, "apply");
    if (!("lock" in first)) throw new Error("the lock was taken");
    const child = spawn("cat", { stdio: ["pipe", "ignore", "ignore", first.lock.descriptor] });
    first.lock.release();
    expect(await tryLock(linuxHost(), path, "apply")).toHaveProperty("holder");
    const ended = new Promise((resolve) => child.on("close", resolve));
    child.stdin?.end();
    await ended;
    expect(await tryLock(linuxHost(), path, "apply")).toHaveProperty("lock");
  });
});

describe("processes", () => {
  it("are told apart from later ones with their number", () => {
    const own = ownProcess();
    expect(isAlive(own)).toBe(true);
    expect(isAlive({ ...own, startTime: "1" })).toBe(false);
    expect(isAlive({ pid: 1 << 22, startTime: "1" })).toBe(false);
  });
});
