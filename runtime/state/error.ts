/** The state folder cannot be used: what is wrong with it and what to do. */
export class StateError extends Error {
  override readonly name = "StateError";
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied: run as root, or name a folder of yours with --state DIR",
  EPERM: "operation not permitted: run as root, or name a folder of yours with --state DIR",
  EROFS: "the file system is read-only: name another folder with --state DIR",
  ENOSPC: "no space left on the device",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a part of the path is no folder",
  EISDIR: "it is a folder",
  EEXIST: "there is something else of that name, and no folder",
  ELOOP: "it is a symbolic link",
  ENOENT: "no such file or folder",
  EIO: "input/output error",
};

/** A failed system call as a StateError; other errors come back as they are. */
export function stateErrorFrom(error: unknown, doing: string): unknown {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return error;
  return new StateError(`cannot ${doing}: ${reasons[error.code] ?? error.code}`);
}

/** Runs a file operation; a failed system call becomes StateError. */
export function orStateError<T>(doing: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw stateErrorFrom(error, doing);
  }
}
