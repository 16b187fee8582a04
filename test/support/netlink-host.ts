import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Host } from "../../runtime/host/host.ts";
import { linuxHost } from "../../runtime/host/linux-host.ts";

/**
 * The machine as a process sees it from inside another network namespace: programs run there, files are this
 * process's own. `pid` is of any process in the namespace.
 */
export function hostInNamespaceOf(pid: number, netlinkHelper?: readonly string[]): Host {
  const outside = linuxHost();
  const enter = ["nsenter", `--net=/proc/${pid}/ns/net`, "--"];
  return {
    ...outside,
    run: (command) => outside.run({ ...command, argv: [...enter, ...command.argv] }),
    ...(netlinkHelper === undefined ? {} : { netlinkHelper: [...enter, ...netlinkHelper] }),
  };
}

export interface Namespace {
  readonly pid: number;
  readonly host: Host;
  /** Runs a program inside; its output, or an error with what it said. */
  run(argv: readonly string[], input?: string): Promise<string>;
  close(): Promise<void>;
}

/** A new network namespace without links. It ends with this process at the latest. */
export async function openNamespace(netlinkHelper?: readonly string[]): Promise<Namespace> {
  const holder = spawn("unshare", ["--net", "--", "sh", "-c", "echo ready; exec cat"], { stdio: "pipe" });
  const ended = new Promise<void>((resolve) => holder.once("close", () => resolve()));
  const lines = createInterface({ input: holder.stdout });
  await new Promise<void>((resolve, reject) => {
    lines.once("line", () => resolve());
    holder.once("error", reject);
    void ended.then(() => reject(new Error("unshare --net ended")));
  });
  const pid = holder.pid ?? 0;
  const host = hostInNamespaceOf(pid, netlinkHelper);
  return {
    pid,
    host,
    run: async (argv, input) => {
      const result = await host.run({ argv, ...(input === undefined ? {} : { input: [input] }) });
      if (result.status !== 0) throw new Error(`${argv.join(" ")}: exit ${result.status}: ${result.stderr.trim()}`);
      return result.stdout;
    },
    close: async () => {
      holder.stdin.end();
      await ended;
    },
  };
}
