import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readlinkSync } from "node:fs";

/** A network namespace that lasts until `close`: a process that sleeps in it. */
export interface Namespace {
  /** What to put before a command so that it runs inside. */
  readonly enter: readonly string[];
  close(): void;
}

const limitMs = 5000;

/** Resolves when the process is in a namespace of its own. */
export async function openNamespace(): Promise<Namespace> {
  const sleeper = spawn("unshare", ["--net", "--", "sleep", "3600"], { stdio: "ignore" });
  await until(() => namespaceOf(sleeper) !== readlinkSync("/proc/self/ns/net"));
  const enter = ["nsenter", `--net=/proc/${sleeper.pid}/ns/net`, "--"];
  // IPVS takes no real server in a namespace that never had an address
  const [program = "", ...rest] = enter;
  spawnSync(program, [...rest, "ip", "link", "set", "lo", "up"], { stdio: "inherit" });
  return { enter, close: () => sleeper.kill("SIGKILL") };
}

function namespaceOf(process_: ChildProcess): string {
  try {
    return readlinkSync(`/proc/${process_.pid}/ns/net`);
  } catch {
    throw new Error("unshare ended: this needs root");
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error("the namespace did not come up");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
