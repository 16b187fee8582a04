import { readdirSync, readFileSync } from "node:fs";

/** Reading what a process and its children used, from proc(5). */

const ticksPerSecond = 100;

function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch {
    return [];
  }
}

/** The process and all that live below it; empty where it has ended. */
export function familyOf(pid: number): readonly number[] {
  return [pid, ...childrenOf(pid).flatMap(familyOf)];
}

/** Processor time in seconds of a process, its threads, the children it waited for, and those that live. */
export function processorSeconds(pid: number): number {
  let ticks = 0;
  for (const each of familyOf(pid)) {
    try {
      // fields 14 to 17: own user and system time, and that of ended children
      const fields = readFileSync(`/proc/${each}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      for (const field of [11, 12, 13, 14]) ticks += Number(fields[field]);
    } catch {
      // ended between the listing and the reading: its parent has its time as soon as it waits for it
    }
  }
  return ticks / ticksPerSecond;
}

/** Megabytes that a process and its children keep in memory; what several share is shared out between them. */
export function residentMegabytes(pid: number): number {
  let kilobytes = 0;
  for (const each of familyOf(pid)) {
    try {
      const text = readFileSync(`/proc/${each}/smaps_rollup`, "utf8");
      kilobytes += Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0);
    } catch {
      // ended meanwhile
    }
  }
  return kilobytes / 1024;
}

/** The most that the process alone ever had in memory. */
export function highestMegabytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(text)?.[1] ?? Number.NaN) / 1024;
}

export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** How many descriptors a process of this user may have at most. */
export function descriptorLimit(): number {
  const text = readFileSync("/proc/self/limits", "utf8");
  return Number(/^Max open files\s+\S+\s+(\d+)/m.exec(text)?.[1] ?? 1024);
}

/** Resolves when a socket of this network namespace is bound to the port. */
export async function listening(protocol: "tcp" | "udp", port: number): Promise<void> {
  const listens = new RegExp(
    `^ *\\d+: [0-9A-F]{8}:${port.toString(16).toUpperCase().padStart(4, "0")} 0{8}:0{4} `,
    "m",
  );
  const deadline = Date.now() + 10_000;
  while (!listens.test(readFileSync(`/proc/self/net/${protocol}`, "utf8"))) {
    if (Date.now() > deadline) throw new Error(`nothing listens on ${protocol} port ${port}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}
