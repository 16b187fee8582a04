import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

/** What a process cost: processor time of it and its children in seconds, highest resident memory of it in MB. */
export interface Cost {
  readonly seconds: number;
  readonly megabytes: number;
  readonly exitCode: number;
}

const ticksPerSecond = 100;

/** Processor time of ended children: fields 16 and 17 of proc(5)'s stat, after the command's closing parenthesis. */
function childSeconds(): number {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
}

function highestMemory(pid: number): number {
  try {
    const match = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return match === null ? 0 : Number(match[1]) / 1024;
  } catch {
    return 0;
  }
}

/** Runs one command to its end; its output is thrown away, `input` is a file for its standard input. */
export async function measure(command: string, args: readonly string[], input: string | null = null): Promise<Cost> {
  const before = childSeconds();
  const stdin = input === null ? ("ignore" as const) : openSync(input, "r");
  const child = spawn(command, args, { stdio: [stdin, "ignore", "inherit"] });
  let megabytes = 0;
  const watch = setInterval(() => {
    megabytes = Math.max(megabytes, highestMemory(child.pid ?? 0));
  }, 10);
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? -1));
  });
  clearInterval(watch);
  if (typeof stdin === "number") closeSync(stdin);
  return { seconds: childSeconds() - before, megabytes, exitCode };
}

/** The middle one of several runs, by processor time. */
export async function median(runs: number, run: () => Promise<Cost>): Promise<Cost> {
  const costs: Cost[] = [];
  for (let at = 0; at < runs; at++) costs.push(await run());
  const sorted = costs.sort((a, b) => a.seconds - b.seconds);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new RangeError("no runs");
  return middle;
}
