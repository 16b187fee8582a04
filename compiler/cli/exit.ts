/** What a run tells its caller, the same for every command. 2 is never a verdict on the input. */
export const exitCodes = { ok: 0, failed: 1, trouble: 2, notRolledBack: 3, usage: 64, bug: 70 } as const;

/** The surroundings failed: a missing file, I/O, permissions. Ends the run with 2 and this message, without a stack. */
export class TroubleError extends Error {
  override readonly name = "TroubleError";
}

/** The command was called wrongly. Ends the run with 64. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EBUSY: "it is in use",
  EEXIST: "there is a file of that name",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file is too large",
  EIO: "input/output error",
  EISDIR: "it is a folder",
  ELOOP: "too many symbolic links",
  EMFILE: "too many open files",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "no such file or folder",
  ENOSPC: "no space left on the device",
  ENOTDIR: "a part of the path is no folder",
  EPERM: "operation not permitted",
  EROFS: "the file system is read-only",
};

/** The error code of a failed system call, `ENOENT` and the like; null for any other error. */
export function systemCode(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}

/** A failed system call as trouble, in words: `cannot read shop.weir: permission denied`. Other errors come back as they are. */
export function troubleFrom(error: unknown, doing: string): unknown {
  const code = systemCode(error);
  return code === null ? error : new TroubleError(`cannot ${doing}: ${reasons[code] ?? code}`);
}

/** Runs a file operation; a failed system call becomes TroubleError. */
export function orTrouble<T>(doing: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw troubleFrom(error, doing);
  }
}
