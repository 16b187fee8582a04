import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { languageOf } from "../pipeline.ts";
import { orTrouble, TroubleError, UsageError } from "./exit.ts";

/** The spec's files of a revision, in a folder of their own that `remove` takes away. */
export interface CheckedOut {
  /** What to load. */
  readonly paths: readonly string[];
  /** Paths of the folder in a text as a user in the repository knows them: `specs/shop.weir`. */
  readonly shownAs: (text: string) => string;
  remove(): void;
}

/** As for files that are read from a disk. */
const maximumTotalBytes = 512 * 1024 * 1024;
const maximumFiles = 100_000;
const maximumListing = 64 * 1024 * 1024;

/**
 * Runs git with arguments, never a shell. Nothing is asked, fetched or locked: reading a revision changes nothing. Throws
 * TroubleError with git's own words.
 */
function git(args: readonly string[], doing: string, input = "", most = maximumListing): Buffer {
  const environment = { ...process.env, GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0", GIT_NO_LAZY_FETCH: "1" };
  const options = { input, maxBuffer: most, env: environment };
  const ended = spawnSync("git", ["--literal-pathspecs", "--no-replace-objects", ...args], options);
  if (ended.error !== undefined) {
    const code = "code" in ended.error ? ended.error.code : null;
    const why = code === "ENOENT" ? "there is no git" : code === "ENOBUFS" ? "it is too long" : ended.error.message;
    throw new TroubleError(`cannot ${doing}: ${why}`);
  }
  if (ended.status === 0) return ended.stdout;
  const said = ended.stderr.toString("utf8").trim().split("\n")[0] ?? "";
  throw new TroubleError(
    `cannot ${doing}: ${said.replace(/^fatal: /, "") || "git does not know it, and a shallow clone must fetch it first"}`,
  );
}

/** The id of the commit that a revision names. What begins with a dash would be an option. */
function commitOf(revision: string): string {
  if (revision.startsWith("-")) throw new UsageError(`${JSON.stringify(revision)} is no revision`);
  const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`];
  return git(args, `find the revision ${revision}`).toString("utf8").trim();
}

/** Where two revisions parted. */
export function mergeBase(left: string, right: string): string {
  const doing = `find where ${left} and ${right} parted`;
  return git(["merge-base", commitOf(left), commitOf(right)], doing)
    .toString("utf8")
    .trim();
}

/** Writes the spec's files of a revision into a new folder. The root of a single file is the folder that it is in. */
export function checkOut(revision: string, paths: readonly string[]): CheckedOut {
  const commit = commitOf(revision);
  const prefix = git(["rev-parse", "--show-prefix"], "find the repository").toString("utf8").replace(/\n$/, "");
  const inTree = paths.map((path) => pathInTree(prefix, path));
  const entries = inTree.flatMap((path) => listTree(commit, revision, path));
  const folder = realpathSync(
    orTrouble("make a folder for the revision", () => mkdtempSync(join(tmpdir(), "weir-diff-"))),
  );
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    writeEntries(folder, entries);
    for (const [at, path] of inTree.entries()) {
      if (!existsSync(join(folder, path))) throw new TroubleError(`there is no spec at ${paths[at]} in ${revision}`);
    }
  } catch (error) {
    remove();
    throw error;
  }
  const shown = (text: string) => text.replaceAll(join(folder, prefix, "/"), "").replaceAll(join(folder, "/"), "/");
  return { paths: inTree.map((path) => join(folder, path)), shownAs: (text) => shown(text), remove };
}

function pathInTree(prefix: string, path: string): string {
  const joined = posix.normalize(posix.join(prefix, path));
  if (path.startsWith("/") || joined === ".." || joined.startsWith("../")) {
    throw new UsageError(`${path} of a revision must be a path inside the repository, relative to this folder`);
  }
  return joined.replace(/\/$/, "");
}

interface TreeEntry {
  readonly mode: string;
  readonly id: string;
  readonly size: number;
  readonly path: string;
}

/** Everything below a folder that may belong to a spec; for a file, below the folder that it is in. */
function listTree(commit: string, revision: string, path: string): readonly TreeEntry[] {
  const isFile = languageOf(path) !== null;
  const folder = isFile ? posix.dirname(path) : path;
  const where = folder === "." || folder === "" ? [] : [`${folder}/`];
  const listing = git(["ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--", ...where], `read ${revision}`);
  return listing
    .toString("utf8")
    .split("\0")
    .flatMap((line) => {
      const parts = /^([0-7]{6}) blob ([0-9a-f]+) +([0-9]+)\t(.*)$/s.exec(line);
      if (parts === null) return [];
      const [, mode = "", id = "", size = "0", name = ""] = parts;
      const isWanted = mode === "120000" || languageOf(name) !== null;
      return isWanted && isPlain(name) ? [{ mode, id, size: Number(size), path: name }] : [];
    });
}

/** A tree that was made by hand can name anything. */
function isPlain(path: string): boolean {
  return !path.includes("\\") && path.split("/").every((part) => !["", ".", "..", ".git"].includes(part.toLowerCase()));
}

/** Links last, so that nothing is written through them. */
function writeEntries(folder: string, entries: readonly TreeEntry[]): void {
  const distinct = [...new Map(entries.map((entry) => [entry.path, entry] as const)).values()];
  const total = distinct.reduce((sum, { size }) => sum + size, 0);
  if (distinct.length > maximumFiles) throw new TroubleError(`the inputs are more than ${maximumFiles} files`);
  if (total > maximumTotalBytes) throw new TroubleError("the inputs are longer than 512 MiB together");
  const contents = blobs(distinct);
  const inOrder = [...distinct].sort((a, b) => Number(a.mode === "120000") - Number(b.mode === "120000"));
  orTrouble("write the revision's files", () => {
    for (const { path, id, mode } of inOrder) {
      const content = contents.get(id) ?? Buffer.alloc(0);
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      if (mode === "120000") symlinkSync(content.toString("utf8"), join(folder, path));
      else writeFileSync(join(folder, path), content, { flag: "wx" });
    }
  });
}

/** `cat-file --batch` answers `ID blob SIZE`, the bytes and a line feed for each id. */
function blobs(entries: readonly TreeEntry[]): ReadonlyMap<string, Buffer> {
  const sizes = new Map(entries.map(({ id, size }) => [id, size] as const));
  const most = [...sizes.values()].reduce((sum, size) => sum + size + 128, 1024);
  const output = git(
    ["cat-file", "--batch"],
    "read the revision's files",
    [...sizes.keys()].map((id) => `${id}\n`).join(""),
    most,
  );
  const contents = new Map<string, Buffer>();
  let at = 0;
  for (const [id, size] of sizes) {
    const end = output.indexOf(10, at);
    if (output.toString("latin1", at, end) !== `${id} blob ${size}`) throw new TroubleError(`git does not have ${id}`);
    contents.set(id, output.subarray(end + 1, end + 1 + size));
    at = end + size + 2;
  }
  return contents;
}
