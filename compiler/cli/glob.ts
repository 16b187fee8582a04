import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { compareText } from "../net/order.ts";
import { matchesPart } from "../spec/pattern.ts";
import { systemCode, TroubleError, troubleFrom } from "./exit.ts";

/** More than any spec has; a pattern that matches more is a mistake, or meant to keep weir busy. */
const maximumMatches = 100_000;
const maximumDepth = 32;

export function isWildcard(pattern: string): boolean {
  return /[*?]/.test(pattern);
}

/**
 * The files that a pattern matches below `folder`, in the order of their paths, relative to it and with `/`.
 * `*` is any run of characters of one name, `?` one character, `**` any folders; hidden names need a dot in the pattern,
 * and wildcards never stand for node_modules.
 */
export function expandGlob(folder: string, pattern: string): readonly string[] {
  const matches: string[] = [];
  expand(folder, "", pattern.split("/"), 0, matches);
  return [...new Set(matches)].sort(compareText);
}

function expand(folder: string, path: string, rest: readonly string[], depth: number, matches: string[]): void {
  const [segment, ...further] = rest;
  if (segment === undefined || depth > maximumDepth) return;
  if (segment === "**") {
    expand(folder, path, further.length === 0 ? ["*"] : further, depth, matches);
    for (const entry of entriesOf(folder, path)) {
      if (entry.isDirectory() && matchesSegment("*", entry.name)) {
        expand(folder, join(path, entry.name), rest, depth + 1, matches);
      }
    }
    return;
  }
  const names = isWildcard(segment)
    ? entriesOf(folder, path)
        .map((entry) => entry.name)
        .filter((name) => matchesSegment(segment, name))
    : [segment];
  for (const name of names) {
    const at = join(path, name);
    if (further.length > 0) expand(folder, at, further, depth + 1, matches);
    else if (isFile(join(folder, at))) matches.push(at);
    if (matches.length > maximumMatches) {
      throw new TroubleError(`a pattern matches more than ${maximumMatches} files in ${folder}`);
    }
  }
}

function isHidden(name: string): boolean {
  return name.startsWith(".");
}

function entriesOf(folder: string, path: string): readonly Dirent[] {
  const at = join(folder, path);
  try {
    return readdirSync(at, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw troubleFrom(error, `read ${at}`);
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  const code = systemCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** Whether the name of a file or folder fits one part of a pattern. */
export function matchesSegment(pattern: string, name: string): boolean {
  if (isHidden(name) && !isHidden(pattern)) return false;
  if (name === "node_modules" && isWildcard(pattern)) return false;
  return matchesPart(pattern, name);
}
