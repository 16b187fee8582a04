import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const here = new URL(".", import.meta.url).pathname;

export interface VmRun {
  /** Bash, run as root; see boot.sh for what it finds. */
  readonly script: string;
  /** Files below /mnt/input of the guest. */
  readonly input?: ReadonlyMap<string, string>;
  /** Files that the script writes below /mnt/output and that are wanted back; missing ones are left out. */
  readonly output?: readonly string[];
  readonly seconds: number;
}

export interface VmResult {
  readonly code: number;
  /** What the script printed, on both streams. */
  readonly log: string;
  readonly output: ReadonlyMap<string, string>;
}

/** Virtual machines take a minute each and some 100 MB of Debian packages, so they run when asked for. */
export const vmTestsWanted = process.env.WEIR_VM_TESTS !== undefined;

/** Boots the virtual machine, runs the script in it and gives back what it printed and wrote. */
export async function runInVm(run: VmRun): Promise<VmResult> {
  const folder = await mkdtemp(join(tmpdir(), "weir-vm-"));
  try {
    for (const [path, text] of run.input ?? []) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    const script = join(folder, "script.sh");
    await writeFile(script, run.script);
    const { code, log } = await boot([script, String(run.seconds), folder]);
    const output = new Map<string, string>();
    for (const path of run.output ?? []) {
      const text = await readFile(join(folder, "output", path), "utf8").catch(() => null);
      if (text !== null) output.set(path, text);
    }
    return { code, log, output };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function boot(args: readonly string[]): Promise<{ readonly code: number; readonly log: string }> {
  return new Promise((resolve) => {
    execFile(
      join(here, "boot.sh"),
      args,
      { maxBuffer: 1 << 26, cwd: join(here, "../../..") },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        resolve({ code, log: stdout + stderr });
      },
    );
  });
}
