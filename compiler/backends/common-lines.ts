import type { FileTexts } from "./backend.ts";

/**
 * Two versions of a list of lines, each line at most once in a version, without the lines that both have.
 * The order of what is left is kept. Nearly all of two artifacts of one node is the same, and reading a line takes
 * many times as long as finding that it did not change.
 */
export function withoutCommonLines(
  before: readonly string[],
  after: readonly string[],
): { readonly before: readonly string[]; readonly after: readonly string[] } {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  const left = before.slice(start, before.length - end);
  const right = after.slice(start, after.length - end);
  const inLeft = new Set(left);
  const inRight = new Set(right);
  return { before: left.filter((line) => !inRight.has(line)), after: right.filter((line) => !inLeft.has(line)) };
}

/** Two versions of an artifact's files with some of them reduced; one that only one version has stays as it is. */
export function reduceFiles(
  paths: readonly string[],
  before: FileTexts,
  after: FileTexts,
  reduce: (before: string, after: string) => { readonly before: string; readonly after: string },
): { readonly before: FileTexts; readonly after: FileTexts } {
  const reduced = { before: new Map(before), after: new Map(after) };
  for (const path of paths) {
    const [old, fresh] = [before.get(path), after.get(path)];
    if (old === undefined || fresh === undefined) continue;
    const rest = reduce(old, fresh);
    reduced.before.set(path, rest.before);
    reduced.after.set(path, rest.after);
  }
  return reduced;
}
