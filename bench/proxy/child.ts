import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { familyOf } from "./processes.ts";

/** A process that runs until it is closed. */
export interface Child {
  readonly pid: number;
  /** The next whole line of its output. Throws when it ends without one. */
  readonly line: () => Promise<string>;
  readonly endInput: () => void;
  readonly close: () => Promise<void>;
}

const started: Child[] = [];

/** All that were started and not closed. */
export async function closeChildren(): Promise<void> {
  for (const child of started) await child.close();
}

export async function startChild([program = "", ...args]: readonly string[]): Promise<Child> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  await once(child, "spawn");
  child.stdin.on("error", () => undefined);
  const result = {
    pid: child.pid ?? 0,
    line: lines(child, program),
    endInput: () => void child.stdin.end(),
    close: () => close(child),
  };
  started.push(result);
  return result;
}

function lines(child: ChildProcess, program: string): () => Promise<string> {
  const ready: string[] = [];
  const readers: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  let rest = "";
  let hasEnded = false;
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const reader = readers.shift();
      if (reader === undefined) ready.push(part);
      else reader.resolve(part);
    }
  });
  const failure = (): Error => new Error(`${program} ended: ${child.exitCode ?? child.signalCode}`);
  child.once("close", () => {
    hasEnded = true;
    for (const reader of readers) reader.reject(failure());
  });
  return () => {
    const line = ready.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (hasEnded) return Promise.reject(failure());
    return new Promise((resolve, reject) => {
      readers.push({ resolve, reject });
    });
  };
}

async function close(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  // some proxies have a process for each connection
  for (const pid of familyOf(child.pid ?? 0).toReversed()) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // ended meanwhile
    }
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}
