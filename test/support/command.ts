import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { compilerCommands } from "../../compiler/cli/commands.ts";
import type { Io } from "../../compiler/cli/io.ts";
import { run } from "../../compiler/cli/main.ts";

/** What a command line left behind. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly stdin?: string | Buffer;
  readonly isTerminal?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs `weir` in this process, in the current folder. */
export async function weir(args: readonly string[], surroundings: Surroundings = {}): Promise<Finished> {
  const written = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr") => ({
    isTerminal: surroundings.isTerminal === true,
    write: async (text: string | Uint8Array) => {
      written[name] += typeof text === "string" ? text : Buffer.from(text).toString("utf8");
    },
  });
  const io: Io = {
    stdout: output("stdout"),
    stderr: output("stderr"),
    readStdin: async () => Buffer.from(surroundings.stdin ?? ""),
    environment: surroundings.environment ?? {},
  };
  const code = await run(args, io, compilerCommands);
  return { code, ...written };
}

/** A folder with these files, which is gone when the test ends. */
export function temporaryFolder(files: Files = {}): string {
  return folderIn(tmpdir(), files);
}

/** The same in memory where that is possible: to synchronize a state folder to a disk takes most of the time of a test. */
export function memoryFolder(files: Files = {}): string {
  return folderIn(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), files);
}

type Files = Readonly<Record<string, string | Buffer>>;

function folderIn(parent: string, files: Files): string {
  const folder = mkdtempSync(join(parent, "weir-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  return folder;
}

/** A temporary folder, and the current one until the test ends. */
export function enterFolder(files: Files = {}): string {
  const before = process.cwd();
  const folder = temporaryFolder(files);
  process.chdir(folder);
  onTestFinished(() => process.chdir(before));
  return folder;
}
