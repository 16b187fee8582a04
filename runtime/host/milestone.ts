import { appendFileSync } from "node:fs";

let passed = 0;

/**
 * Marks a moment before or after a durable or kernel-changing act, for the tests that end weir at every one of them.
 * With WEIR_TEST_KILL_AT=n the process ends itself with SIGKILL at its n-th milestone, counted from 1; with
 * WEIR_TEST_MILESTONES=FILE their names are appended to the file. Without either it does nothing.
 */
export function milestone(name: string): void {
  const { WEIR_TEST_KILL_AT: killAt, WEIR_TEST_MILESTONES: file } = process.env;
  if (killAt === undefined && file === undefined) return;
  passed++;
  if (file !== undefined) appendFileSync(file, `${name}\n`);
  if (killAt !== undefined && Number(killAt) === passed) process.kill(process.pid, "SIGKILL");
}
