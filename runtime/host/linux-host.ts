import { constants as limits } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { access, readFile, writeFile } from "node:fs/promises";
import { HostError } from "./error.ts";
import type { CommandResult, Host, HostCommand } from "./host.ts";
import { packageOf } from "./packages.ts";

/** Where programs are looked up, in this order: folders that only root writes. A caller's PATH is not trusted. */
const folders = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"] as const;

const usualTimeoutMs = 120_000;
/** A listing of 20,000 services with 8 endpoints each has some 20 MB. A longer text than this is no string. */
const mostOutput = Math.floor(limits.MAX_STRING_LENGTH / 2);
const mostErrorOutput = 64 * 1024;

/**
 * Variables that reach a program. Messages are in English; iptables-legacy's lock may be moved, as iptables(8) says,
 * for nodes inside other nodes.
 */
function environmentOf(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { XTABLES_LOCKFILE: lockFile } = own;
  return { LC_ALL: "C", PATH: folders.join(":"), ...(lockFile === undefined ? {} : { XTABLES_LOCKFILE: lockFile }) };
}

export interface LinuxHostOptions {
  /**
   * A descriptor that every program gets too. A lock on it lasts until the last of them has ended: so nobody else
   * begins while a program still changes the kernel whose caller was killed.
   */
  readonly inherited?: number;
}

/** The machine that this process runs on, in this process's network namespace. */
export function linuxHost(options: LinuxHostOptions = {}): Host {
  const found = new Map<string, Promise<string | null>>();
  const find = (tool: string): Promise<string | null> => {
    const known = found.get(tool) ?? lookUp(tool);
    found.set(tool, known);
    return known;
  };
  return {
    find,
    run: async (command) => {
      const [tool = "", ...args] = command.argv;
      const path = await find(tool);
      if (path === null) {
        const owner = packageOf(tool);
        throw new HostError("tool-missing", `there is no program ${tool} on this node`, {
          help: owner === null ? null : `install it: apt-get install ${owner}`,
        });
      }
      return runProgram(path, args, command, options.inherited ?? null);
    },
    read: (path) => readFile(path, "utf8").catch((error: unknown) => nullWhenMissing(error, `read ${path}`)),
    write: async (path, text) => {
      try {
        await writeFile(path, text);
      } catch (error) {
        throw hostErrorFrom(error, `write ${path}`);
      }
    },
  };
}

async function lookUp(tool: string): Promise<string | null> {
  for (const folder of folders) {
    const path = `${folder}/${tool}`;
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // in the next folder, perhaps
    }
  }
  return null;
}

function nullWhenMissing(error: unknown, doing: string): null {
  if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return null;
  throw hostErrorFrom(error, doing);
}

/** A failed system call as a HostError; other errors come back as they are. */
export function hostErrorFrom(error: unknown, doing: string): unknown {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return error;
  const { code } = error;
  const trouble = code === "EPERM" || code === "EACCES" || code === "EROFS" ? "permission" : "refused";
  return new HostError(trouble, `cannot ${doing}: ${code}`, {
    errno: code,
    help: trouble === "permission" ? "this needs root, or CAP_NET_ADMIN and a writable /proc/sys" : null,
  });
}

function runProgram(
  path: string,
  args: readonly string[],
  command: HostCommand,
  inherited: number | null,
): Promise<CommandResult> {
  const stdin = command.input === undefined ? null : wholeInput(command.input);
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, {
      env: environmentOf(process.env),
      cwd: "/",
      // Ctrl-C at a terminal is for weir, which ends between steps; a tool that it ended too would be cut off
      detached: true,
      stdio: [
        stdin === null ? "ignore" : (stdin.descriptor ?? "pipe"),
        command.discardOutput ? "ignore" : "pipe",
        "pipe",
        ...(inherited === null ? [] : [inherited]),
      ],
    });
    const timer = setTimeout(() => endGroup(child), command.timeoutMs ?? usualTimeoutMs);
    const output: Buffer[] = [];
    let outputBytes = 0;
    let isTooLong = false;
    let errorText = "";
    child.stdout?.on("data", (part: Buffer) => {
      outputBytes += part.length;
      if (outputBytes <= mostOutput) output.push(part);
      else if (!isTooLong) {
        isTooLong = true;
        endGroup(child);
      }
    });
    child.stderr?.setEncoding("utf8").on("data", (part: string) => {
      errorText = (errorText + part).slice(0, mostErrorOutput);
    });
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(hostErrorFrom(error, `run ${path}`));
    });
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      if (isTooLong) reject(new HostError("refused", `${path} wrote more than ${mostOutput >> 20} MiB`));
      else {
        // by someone's hand, for want of memory, or because its time was over: it says nothing itself
        const stderr = signal !== null && errorText === "" ? `ended by ${signal}` : errorText;
        resolve({ status, stdout: Buffer.concat(output).toString("utf8"), stderr });
      }
    });
    if (stdin !== null && stdin.descriptor !== null) closeSync(stdin.descriptor);
    if (child.stdin !== null) feed(child.stdin, stdin?.pieces ?? []);
  });
}

/** A program and what it has started: a child that lives on would hold the pipes, and its caller would wait for it. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // it has ended by itself
  }
}

/** What a pipe takes at once, see pipe(7), less a margin. */
const pipeBytes = 60_000;

/** Where long inputs are put: in memory, where only root writes; else where everybody may. */
const inputFolders = ["/run", "/tmp"] as const;

interface Input {
  /** Of an open file that has no name any more; null: the pieces go through a pipe. */
  readonly descriptor: number | null;
  readonly pieces: readonly string[];
}

/**
 * A program must never see only the beginning of its input, which may be a valid input with another meaning: that
 * would be so if this process were killed while it writes to a pipe. So a short input is written at once, and a long
 * one is put into a file beforehand. Without a place for the file it goes through the pipe.
 */
function wholeInput(pieces: readonly string[]): Input {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const joined = length <= pipeBytes ? pieces.join("") : null;
  if (joined !== null && Buffer.byteLength(joined) <= pipeBytes) return { descriptor: null, pieces: [joined] };
  for (const folder of inputFolders) {
    try {
      return { descriptor: namelessFile(folder, pieces), pieces: [] };
    } catch {
      // no room, or read-only
    }
  }
  return { descriptor: null, pieces };
}

function namelessFile(folder: string, pieces: readonly string[]): number {
  const own = mkdtempSync(`${folder}/weir-`);
  try {
    const path = `${own}/input`;
    const writing = openSync(path, "wx", 0o600);
    try {
      for (const piece of pieces) writeFileSync(writing, piece);
      return openSync(path, "r");
    } finally {
      closeSync(writing);
    }
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** Writes the pieces as fast as the program reads them. One that ends early has said why; EPIPE adds nothing to it. */
function feed(stdin: NodeJS.WritableStream, input: readonly string[]): void {
  let next = 0;
  const go = (): void => {
    for (let piece = input[next]; piece !== undefined; piece = input[next]) {
      next++;
      if (!stdin.write(piece)) return;
    }
    stdin.end();
  };
  stdin.on("error", () => {});
  stdin.on("drain", go);
  go();
}
