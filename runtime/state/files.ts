import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { milestone } from "../host/milestone.ts";
import { orStateError, StateError } from "./error.ts";

/**
 * Makes the folder, for its owner alone. One that is there must be a real folder, of this user, that no one else may
 * write: whoever can write there says what is loaded as root. Throws StateError.
 */
export function makeFolder(path: string): void {
  orStateError(`make ${path}`, () => {
    makeFolders(path);
    const stats = lstatSync(path);
    if (stats.isSymbolicLink()) throw new StateError(`${path} is a symbolic link: name the folder itself`);
    if (!stats.isDirectory()) throw new StateError(`${path} is no folder: name another one with --state DIR`);
    const own = process.geteuid?.() ?? stats.uid;
    if (stats.uid !== own || (stats.mode & 0o022) !== 0) {
      throw new StateError(
        `${path} can be written by others: chown root ${path} && chmod 700 ${path}, after a look at what is in it`,
      );
    }
  });
}

/** With those above it. mkdir of Node.js with `recursive` tries for ever where nothing can be made, as in /proc. */
function makeFolders(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
  const parent = dirname(path);
  if (parent !== path) makeFolders(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // somebody else was faster
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}

/** The text; null when there is no such file. Follows no symbolic link, waits for no pipe. Throws StateError. */
export function readText(path: string): string | null {
  return orStateError(`read ${path}`, () => {
    let descriptor: number;
    try {
      descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
      throw error;
    }
    try {
      if (!fstatSync(descriptor).isFile()) throw new StateError(`${path} is no ordinary file`);
      return readFileSync(descriptor, "utf8");
    } finally {
      closeSync(descriptor);
    }
  });
}

/** Writes a new file and waits until it is on disk. Throws StateError. */
export function writeNew(path: string, text: string): void {
  orStateError(`write ${path}`, () => {
    const descriptor = openSync(path, "wx", 0o600);
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  });
}

/** Puts a text in the place of a file, whole or not at all, and waits until it is on disk. Throws StateError. */
export function replaceFile(path: string, text: string): void {
  milestone(`before ${shortName(path)}`);
  const temporary = `${path}.new`;
  orStateError(`write ${path}`, () => {
    try {
      rmSync(temporary, { force: true });
      writeNew(temporary, text);
      renameSync(temporary, path);
      syncFolder(dirname(path));
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
  milestone(`after ${shortName(path)}`);
}

/** Removes a file that may be there. Throws StateError. */
export function removeFile(path: string): void {
  orStateError(`remove ${path}`, () => rmSync(path, { force: true }));
}

/** Waits until the names in the folder are on disk. */
export function syncFolder(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The folder and all in it. */
export function syncFolders(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) syncFolders(join(path, entry.name));
  }
  syncFolder(path);
}

function shortName(path: string): string {
  return path.split("/").slice(-2).join("/");
}
