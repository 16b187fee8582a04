import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { EncodedFile } from "../artifact/artifact.ts";
import { assert } from "../result.ts";
import { orTrouble, systemCode, TroubleError, troubleFrom } from "./exit.ts";

/** Holds the new build until it is whole, beside the folders that it will replace: so on the same disk. */
const stagingName = ".weir-staging";

interface Move {
  readonly from: string;
  readonly to: string;
}

/**
 * The folder that `weir compile -o` writes: one folder for each node. Files are collected in a staging folder inside
 * it, synchronized to disk, and moved to their places at the end, so that whatever fails leaves the old build as it
 * was. A run that was killed is cleaned up, or finished when it was already moving, by the next one.
 */
export class ArtifactFolder {
  readonly #path: string;
  readonly #staging: string;
  readonly #isNew: boolean;

  private constructor(path: string, isNew: boolean) {
    this.#path = path;
    this.#staging = join(path, stagingName);
    this.#isNew = isNew;
  }

  /** Throws TroubleError when the folder cannot be written, holds something that weir did not make, or is in use. */
  static open(path: string): ArtifactFolder {
    return orTrouble(`write ${path}`, () => {
      const isNew = !existsSync(path);
      mkdirSync(path, { recursive: true });
      const folder = new ArtifactFolder(path, isNew);
      folder.#claim();
      return folder;
    });
  }

  /** The nodes that the folder holds. Throws TroubleError when there is anything else. */
  #nodes(): readonly string[] {
    const names = readdirSync(this.#path).filter((name) => !name.startsWith("."));
    for (const name of names) {
      if (isArtifact(join(this.#path, name))) continue;
      throw new TroubleError(
        `${this.#path} holds ${JSON.stringify(name)}, which weir did not write: name a new folder, or an empty one`,
      );
    }
    return names;
  }

  #claim(): void {
    try {
      mkdirSync(this.#staging);
    } catch (error) {
      if (systemCode(error) !== "EEXIST") throw error;
      this.#recover();
      mkdirSync(this.#staging);
    }
    try {
      this.#nodes();
      writeFileSync(join(this.#staging, "owner"), `${process.pid}\n`);
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  /** After a run that did not end: finishes its moves if its build was whole, and drops the build otherwise. */
  #recover(): void {
    const owner = Number(readIfThere(join(this.#staging, "owner")) ?? "0");
    if (owner > 0 && isAlive(owner)) throw new TroubleError(`process ${owner} is writing ${this.#path} at the moment`);
    const leaving = readIfThere(join(this.#staging, "leaving"));
    if (leaving !== null) {
      const names = leaving.split("\n").filter((name) => name !== "" && !name.startsWith(".") && !name.includes("/"));
      // what is in its place already was moved before the run ended
      for (const move of this.#moves(names)) {
        if (existsSync(move.from) && !existsSync(move.to)) renameSync(move.from, move.to);
      }
    }
    rmSync(this.#staging, { recursive: true, force: true });
  }

  /** Writes one file of a node into the staging folder and to disk. Throws TroubleError. */
  write(node: string, file: EncodedFile): void {
    assert(!`${node}/${file.path}`.split("/").some((part) => part === "" || part.startsWith(".")), file.path);
    const path = join(this.#staging, "new", node, file.path);
    orTrouble(`write ${join(this.#path, node, file.path)}`, () => {
      mkdirSync(dirname(path), { recursive: true });
      const descriptor = openSync(path, "wx", 0o644);
      try {
        for (const chunk of file.chunks) writeFileSync(descriptor, chunk);
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    });
  }

  /**
   * Puts the written nodes in the place of their old folders. With `isWhole`, nodes that were not written go away.
   * Throws TroubleError with everything as it was before.
   */
  commit(isWhole: boolean): void {
    const done: Move[] = [];
    try {
      const fresh = readdirSync(join(this.#staging, "new"));
      const leaving = this.#nodes().filter((node) => isWhole || fresh.includes(node));
      mkdirSync(join(this.#staging, "old"));
      for (const node of fresh) syncFolders(join(this.#staging, "new", node));
      writeFileSync(join(this.#staging, "leaving"), leaving.join("\n"), { flush: true });
      syncFolder(this.#staging);
      for (const move of this.#moves(leaving)) {
        renameSync(move.from, move.to);
        done.push(move);
      }
      syncFolder(this.#path);
    } catch (error) {
      for (const move of done.reverse()) renameSync(move.to, move.from);
      this.discard();
      throw troubleFrom(error, `write ${this.#path}`);
    }
    orTrouble(`remove ${this.#staging}`, () => rmSync(this.#staging, { recursive: true, force: true }));
  }

  #moves(leaving: readonly string[]): readonly Move[] {
    const fresh = readdirSync(join(this.#staging, "new"));
    return [
      ...leaving.map((node) => ({ from: join(this.#path, node), to: join(this.#staging, "old", node) })),
      ...fresh.map((node) => ({ from: join(this.#staging, "new", node), to: join(this.#path, node) })),
    ];
  }

  /** Removes what was written; the folder is as it was before `open`. */
  discard(): void {
    rmSync(this.#staging, { recursive: true, force: true });
    if (!this.#isNew) return;
    try {
      rmdirSync(this.#path);
    } catch {
      // someone else has put something there
    }
  }
}

/** A folder that weir made, or one that holds nothing. */
function isArtifact(path: string): boolean {
  try {
    const names = readdirSync(path);
    if (names.length === 0) return true;
    const manifest: unknown = JSON.parse(readFileSync(join(path, "manifest.json"), "utf8"));
    return typeof manifest === "object" && manifest !== null && "format" in manifest && "node" in manifest;
  } catch {
    return false;
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function isAlive(process_: number): boolean {
  try {
    process.kill(process_, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}

function syncFolders(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) syncFolders(join(path, entry.name));
  }
  syncFolder(path);
}

function syncFolder(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
