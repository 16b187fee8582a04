import { spawn } from "node:child_process";
import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { HostError } from "../host/error.ts";
import type { Host } from "../host/host.ts";
import { isAlive, ownProcess } from "../host/identity.ts";
import { packageOf } from "../host/packages.ts";
import { orStateError, StateError } from "./error.ts";
import { type Holder, holderSchema } from "./schema.ts";

/** A lock that the kernel gives back when every process that has the descriptor is gone. */
export interface Lock {
  /** Tools that change the kernel inherit it: so nobody else begins while one of them outlives its caller. */
  readonly descriptor: number;
  release(): void;
}

export type LockResult = { readonly lock: Lock } | { readonly holder: Holder | null };

/**
 * Locks a file of the state folder with flock(1), whose lock belongs to the open file that this process shares with
 * it, not to the process. Throws StateError, and HostError when there is no flock.
 */
export async function tryLock(host: Host, path: string, command: string): Promise<LockResult> {
  const descriptor = orStateError(`open ${path}`, () =>
    openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600),
  );
  try {
    if (!(await flock(host, descriptor))) {
      const holder = holderIn(path);
      closeSync(descriptor);
      return { holder };
    }
    const holder: Holder = { process: ownProcess(), command, since: new Date().toISOString() };
    orStateError(`write ${path}`, () => {
      ftruncateSync(descriptor);
      writeSync(descriptor, `${JSON.stringify(holder)}\n`, 0);
    });
  } catch (error) {
    closeQuietly(descriptor);
    throw error;
  }
  let isHeld = true;
  return {
    lock: {
      descriptor,
      release: () => {
        if (isHeld) closeSync(descriptor);
        isHeld = false;
      },
    },
  };
}

/** Whether the lock was free. */
async function flock(host: Host, descriptor: number): Promise<boolean> {
  const path = await host.find("flock");
  if (path === null) {
    throw new HostError("tool-missing", "there is no program flock on this node", {
      help: `install it: apt-get install ${packageOf("flock")}`,
    });
  }
  const status = await new Promise<number | null>((resolve, reject) => {
    const child = spawn(path, ["--exclusive", "--nonblock", "--conflict-exit-code", "75", "3"], {
      env: { LC_ALL: "C" },
      // Ctrl-C at a terminal is for weir
      detached: true,
      stdio: ["ignore", "ignore", "ignore", descriptor],
    });
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (status === 0 || status === 75) return status === 0;
  throw new StateError(`cannot lock the state folder: flock ended with ${status}`);
}

/** Who wrote the lock file last; null when that process is gone, or the text is half written. */
export function holderIn(path: string): Holder | null {
  try {
    const parsed = holderSchema.safeParse(JSON.parse(readFileSync(path, "utf8")));
    return parsed.success && isAlive(parsed.data.process) ? parsed.data : null;
  } catch {
    return null;
  }
}

function closeQuietly(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch {
    // it was closed already
  }
}
