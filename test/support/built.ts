import { spawn, spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";

const root = join(import.meta.dirname, "../..");

/**
 * The path of the command as it is shipped, in a folder of the calling test file's own: the dist folder of the checkout
 * may be older than the sources. It is built before the file's tests and removed after them; call it once, at the top.
 */
export function builtWeir(name: string): string {
  const folder = join(root, ".cache", `test-${name}-${process.pid}`);
  beforeAll(() => {
    const built = spawnSync(process.execPath, ["bin/build.mjs", "--out-dir", folder], { cwd: root, encoding: "utf8" });
    if (built.status !== 0) throw new Error(`the build failed:\n${built.stdout}${built.stderr}`);
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "bin/weir.js");
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end and collects what it wrote. `prepare` may do something to it after its start. */
export function runProgram(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly uid?: number; readonly input?: string } = {},
  prepare: (child: ReturnType<typeof spawn>) => void = () => {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: "pipe" });
    const written = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      written.stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      written.stderr += text;
    });
    // a program that ends without reading its input is no failure of the test
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, ...written }));
    prepare(child);
  });
}
