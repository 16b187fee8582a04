import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { LabPool } from "../../../runtime/lab/lab.ts";

it("a pool removes the folders that killed runs left, and no others", async () => {
  const dead = join(tmpdir(), `weir-lab-${spawnSync("true").pid}-left`);
  const alive = join(tmpdir(), `weir-lab-${process.pid}-mine`);
  const strange = join(tmpdir(), "weir-lab-notes");
  for (const folder of [dead, alive, strange]) mkdirSync(folder);
  try {
    const pool = await LabPool.open("agent.js");
    await pool.close();
    expect([dead, alive, strange].map((folder) => existsSync(folder))).toEqual([false, true, true]);
  } finally {
    for (const folder of [dead, alive, strange]) rmSync(folder, { recursive: true, force: true });
  }
});
