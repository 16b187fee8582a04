import { spawn } from "node:child_process";
import { closeSync, constants, fstatSync, ftruncateSync, openSync, realpathSync, writeSync } from "node:fs";
import { basename, join } from "node:path";
import type { Readable } from "node:stream";
import { HostError } from "../host/error.ts";
import { orStateError } from "../state/error.ts";

/** The hidden command's name, and the line by which it says that it watches. */
export const keeperWord = "internal-keeper";
export const readyLine = "ready\n";

const readyWithinMs = 30_000;
const mostLogBytes = 256 * 1024;

/**
 * Starts a keeper in a session of its own, so that it lives on when the shell that started weir ends, and waits until it
 * watches the state folder. When there is one already, the new one ends at once. Throws HostError.
 */
export async function startKeeper(stateFolder: string): Promise<void> {
  const log = openLog(join(stateFolder, "keeper.log"));
  try {
    const child = spawn(process.execPath, [commandScript(), keeperWord, "--state", stateFolder], {
      cwd: "/",
      detached: true,
      env: keeperEnvironment(process.env),
      stdio: ["ignore", log, log, "pipe"],
    });
    // the pipe is the fourth of the streams
    const told = child.stdio[3];
    if (told === null || told === undefined || !("read" in told)) throw new Error("the keeper has no pipe");
    try {
      await ready(child, told);
    } finally {
      told.destroy();
      child.unref();
    }
  } finally {
    closeSync(log);
  }
}

function ready(child: ReturnType<typeof spawn>, told: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (why: string): void =>
      reject(new HostError("refused", `the keeper that watches over the change did not start: ${why}`));
    const timer = setTimeout(() => failed(`it did not report within ${readyWithinMs / 1000} s`), readyWithinMs);
    let text = "";
    const done = (act: () => void): void => {
      clearTimeout(timer);
      act();
    };
    told.on("data", (part: Buffer) => {
      text += part.toString("utf8");
      if (text.endsWith("\n")) done(text === readyLine ? resolve : () => failed(text.trim()));
    });
    child.on("error", (error) => done(() => failed(error.message)));
    child.on("exit", (code) => {
      if (text === "") done(() => failed(`it ended with ${code}, see keeper.log in the state folder`));
    });
  });
}

/** The script of this command, from which hidden commands are started too. */
export function commandScript(): string {
  const script = process.argv[1] === undefined ? "" : realpathSync(process.argv[1]);
  if (basename(script) === "weir.js") return script;
  throw new HostError("unsupported", "only the command itself can start its keeper, not a program that embeds it");
}

/** Tests end weir itself at its milestones; the keeper has milestones of its own. */
function keeperEnvironment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { WEIR_TEST_KILL_AT: _, WEIR_TEST_MILESTONES: __, WEIR_TEST_KEEPER_KILL_AT: killAt, ...rest } = own;
  return killAt === undefined ? rest : { ...rest, WEIR_TEST_KILL_AT: killAt };
}

function openLog(path: string): number {
  return orStateError(`write ${path}`, () => {
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
    const descriptor = openSync(path, flags, 0o600);
    if (fstatSync(descriptor).size > mostLogBytes) ftruncateSync(descriptor);
    return descriptor;
  });
}

/** Tells the process that started this keeper that the state folder is watched. */
export function reportReady(): void {
  try {
    writeSync(3, readyLine);
    closeSync(3);
  } catch {
    // it is gone: all the more reason to watch
  }
}
