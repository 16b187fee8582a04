import { spawn } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Ended, runProgram } from "./built.ts";
import { memoryFolder } from "./command.ts";

/** A network namespace with a state folder, in which the built command runs as its users run it. */
export interface KernelNode {
  readonly stateFolder: string;
  /** Runs a program inside, with variables beside those of the tests. */
  run(argv: readonly string[], options?: RunOptions): Promise<Ended>;
  /** `weir COMMAND --state …`, inside. */
  weir(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** The file of the state folder as JSON; null when it is not there. */
  state(path: string): unknown;
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** Lives until the test ends. `script` is the built command. */
export async function openKernelNode(script: string): Promise<KernelNode> {
  const folder = memoryFolder();
  const stateFolder = join(folder, "state");
  const holder = spawn("unshare", ["--net", "sleep", "600"], { stdio: "ignore" });
  onTestFinished(() => {
    holder.kill("SIGKILL");
  });
  const { pid } = holder;
  if (pid === undefined) throw new Error("unshare did not start");
  await until(() => namespaceOf(pid) !== namespaceOf(process.pid), "the network namespace");
  const run = (argv: readonly string[], options: RunOptions = {}): Promise<Ended> => {
    const variables = Object.entries({ XTABLES_LOCKFILE: join(folder, "xtables.lock"), ...options.environment });
    const environment = ["env", ...variables.map(([name, value]) => `${name}=${value}`)];
    const input = options.input === undefined ? {} : { input: options.input };
    return runProgram("nsenter", ["--target", String(pid), "--net", ...environment, ...argv], input);
  };
  await run(["ip", "link", "set", "lo", "up"]);
  return {
    stateFolder,
    run,
    weir: ([command = "", ...args], options) =>
      run([process.execPath, script, command, "--state", stateFolder, ...args], options),
    state: (path) => {
      try {
        return JSON.parse(readFileSync(join(stateFolder, path), "utf8"));
      } catch {
        return null;
      }
    },
  };
}

function namespaceOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return "";
  }
}

/** Asks again and again until the answer is yes; throws after half a minute. */
export async function until(ask: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await ask())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
