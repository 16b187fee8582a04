import { join } from "node:path";
import { checkStep, executeStep } from "../execute/execute.ts";
import { HostError } from "../host/error.ts";
import type { Host } from "../host/host.ts";
import { bootMilliseconds } from "../host/identity.ts";
import { linuxHost } from "../host/linux-host.ts";
import { startKeeper } from "../keeper/start.ts";
import { makeFolder } from "../state/files.ts";
import { type Lock, tryLock } from "../state/lock.ts";
import type { Holder } from "../state/schema.ts";
import { stateWriter } from "../state/state.ts";
import type { BoundPlane } from "./planes.ts";
import type { Site } from "./site.ts";

export interface OpenOptions {
  readonly stateFolder: string;
  /** For the journal, and for who finds the lock taken. */
  readonly command: string;
  readonly planes: readonly BoundPlane[];
  /** How long to wait for the lock, at most; the keeper's short turns are always waited for. */
  readonly waitMs: number;
  progress(text: string): Promise<void>;
  stopReason(): string | null;
}

export interface OpenSite {
  readonly site: Site;
  close(): void;
}

/** The word by which the keeper holds the lock. */
export const keeperCommand = "keeper";

/** A restore of a large ruleset takes a while; nobody should wait longer for the keeper. */
const keeperWaitMs = 120_000;
/** Nobody has signed: someone is about to, or a tool is ending whose caller was killed. */
const orphanWaitMs = 5_000;
const pollMs = 50;

/**
 * Locks the state folder, which is made when missing. Throws HostError `busy` naming who holds it, StateError for a
 * folder that cannot be used.
 */
export async function openSite(options: OpenOptions): Promise<OpenSite> {
  const { stateFolder, command } = options;
  makeFolder(stateFolder);
  const lock = await lockWithin(linuxHost(), join(stateFolder, "lock"), command, options.waitMs);
  const host = linuxHost({ inherited: lock.descriptor });
  try {
    const state = stateWriter(stateFolder);
    const site: Site = {
      host,
      planes: options.planes,
      state,
      command,
      execute: (step) => executeStep(host, step),
      check: (step) => checkStep(host, step),
      startKeeper: () => (command === keeperCommand ? Promise.resolve() : startKeeper(stateFolder)),
      progress: options.progress,
      stopReason: options.stopReason,
    };
    return { site, close: () => lock.release() };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function lockWithin(host: Host, path: string, command: string, waitMs: number): Promise<Lock> {
  const began = bootMilliseconds();
  for (;;) {
    const result = await tryLock(host, path, command);
    if ("lock" in result) return result.lock;
    const patience = Math.max(waitMs, patienceWith(result.holder));
    if (bootMilliseconds() - began >= patience) throw busy(result.holder);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function patienceWith(holder: Holder | null): number {
  if (holder === null) return orphanWaitMs;
  return holder.command === keeperCommand ? keeperWaitMs : 0;
}

function busy(holder: Holder | null): HostError {
  const who =
    holder === null
      ? "a process of weir"
      : `process ${holder.process.pid} (weir ${holder.command}, since ${holder.since})`;
  return new HostError("busy", `${who} is changing this node at the moment`, {
    help: "wait until it has ended; its lock ends with it",
  });
}
