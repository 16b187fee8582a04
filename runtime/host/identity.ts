import { readFileSync, statSync } from "node:fs";

/** A process, told apart from a later one with the same number. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks from boot to its start, as proc(5) has it; null where there is no /proc. */
  readonly startTime: string | null;
}

/** This process. */
export function ownProcess(): ProcessId {
  return { pid: process.pid, startTime: startTimeOf(process.pid) };
}

export function isAlive(process_: ProcessId): boolean {
  const startTime = startTimeOf(process_.pid);
  return startTime !== null && startTime === process_.startTime;
}

/** Field 22 of /proc/PID/stat; the name before it may hold blanks and parentheses. A zombie does not count. */
function startTimeOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

/**
 * This boot of the kernel and this network namespace of it: rules that were put into another one are not here.
 * A container that starts again has a new namespace, which is to it what a reboot is to a machine.
 */
export function incarnation(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${statSync("/proc/self/ns/net").ino}`;
  } catch {
    return "unknown";
  }
}

/** Milliseconds on the clock of this boot, which no one sets: the same for all processes. */
export function bootMilliseconds(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
