import { join } from "node:path";
import { settleDrains } from "../apply/drains.ts";
import { keeperCommand, openSite } from "../apply/open.ts";
import type { BoundPlane } from "../apply/planes.ts";
import { recover } from "../apply/recover.ts";
import { bootMilliseconds, incarnation, isAlive } from "../host/identity.ts";
import { linuxHost } from "../host/linux-host.ts";
import { type Lock, tryLock } from "../state/lock.ts";
import { currentRecord, type StateReader, stateReader, unfinished } from "../state/state.ts";

/** What the keeper waits for, or has to do now. */
export type Duty =
  | { readonly kind: "none" }
  | { readonly kind: "wait" }
  /** A change was not confirmed in time, or its process is gone. */
  | { readonly kind: "recover" }
  /** A process hangs in a change that is to be confirmed. */
  | { readonly kind: "end"; readonly pid: number }
  | { readonly kind: "drain" };

const tickMs = 200;
const drainTickMs = 1_000;
/** How much longer than its confirmation a change may take in all before it counts as hanging. */
const hangMs = 300_000;
/** After a way back that failed, until it is tried again. */
const retryMs = 2_000;
const mostRetries = 5;

/** When the keeper first saw the change of a generation. */
type FirstSeen = (generation: number) => number;

/** What is to be done for a state folder now. Throws StateError. */
export function dutyOf(state: StateReader, firstSeen: FirstSeen): Duty {
  const journal = unfinished(state);
  const watched = journal === null ? null : state.recordIfKept(journal.generation);
  if (journal !== null && watched !== null && watched.confirm !== null && journal.incarnation === incarnation()) {
    if (!isAlive(journal.owner)) {
      if (journal.phase !== "broken") return { kind: "recover" };
    } else {
      const isHanging = bootMilliseconds() - firstSeen(watched.generation) > watched.confirm.seconds * 1000 + hangMs;
      return isHanging ? { kind: "end", pid: journal.owner.pid } : { kind: "wait" };
    }
  }
  const record = currentRecord(state);
  if (record?.state === "pending" && record.incarnation === incarnation()) {
    const deadline = record.confirm?.deadline ?? null;
    return deadline !== null && bootMilliseconds() >= deadline ? { kind: "recover" } : { kind: "wait" };
  }
  return state.draining() === null ? { kind: "none" } : { kind: "drain" };
}

/**
 * Watches over a state folder until there is nothing left to watch: undoes a change that is not confirmed in time or
 * whose process dies, and removes what was left in the kernel for its connections. One keeper serves a folder: `ready`
 * is called when this one does, or another one. Throws StateError, HostError.
 */
export async function keep(stateFolder: string, planes: readonly BoundPlane[], ready: () => void): Promise<void> {
  for (let isFirst = true; ; isFirst = false) {
    const result = await tryLock(linuxHost(), join(stateFolder, "keeper.lock"), keeperCommand);
    if (isFirst) ready();
    if (!("lock" in result)) return;
    if (!(await watch(stateFolder, planes, result.lock))) return;
    // a duty that came while the lock was being given back: whoever brought it found a keeper
    if (dutyOf(stateReader(stateFolder), bootMilliseconds).kind === "none") return;
  }
}

/** Whether all was done; a way back that fails again and again is given up. */
async function watch(stateFolder: string, planes: readonly BoundPlane[], lock: Lock): Promise<boolean> {
  const state = stateReader(stateFolder);
  const seen = new Map<number, number>();
  const firstSeen: FirstSeen = (generation) => {
    const ms = seen.get(generation) ?? bootMilliseconds();
    seen.set(generation, ms);
    return ms;
  };
  let failures = 0;
  try {
    for (;;) {
      const duty = dutyOf(state, firstSeen);
      if (duty.kind === "none") return true;
      const isDone = await perform(duty, stateFolder, planes).catch((error: unknown) => {
        log(error instanceof Error ? error.message : String(error));
        return false;
      });
      failures = isDone ? 0 : failures + 1;
      if (failures > mostRetries) return false;
      await sleep(isDone ? (duty.kind === "drain" ? drainTickMs : tickMs) : retryMs);
    }
  } finally {
    lock.release();
  }
}

/** Whether it succeeded. Throws StateError, HostError. */
async function perform(duty: Duty, stateFolder: string, planes: readonly BoundPlane[]): Promise<boolean> {
  // it may have ended by itself by now, which throws
  if (duty.kind === "end") process.kill(duty.pid, "SIGKILL");
  if (duty.kind !== "recover" && duty.kind !== "drain") return true;
  const { site, close } = await openSite({
    stateFolder,
    planes,
    command: keeperCommand,
    waitMs: hangMs,
    progress: async () => {},
    stopReason: () => null,
  });
  try {
    const recovered = await recover(site);
    for (const note of recovered.notes) log(note);
    if (site.state.draining() !== null) await settleDrains(site, { leaving: [], deadlineMs: null });
    return recovered.failed === null;
  } finally {
    close();
  }
}

/** Standard output is the log. */
function log(text: string): void {
  process.stdout.write(`${new Date().toISOString()} ${text}\n`);
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
