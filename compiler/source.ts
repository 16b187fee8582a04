/** One input text. `path` is what the user typed or what an include resolved to, with `/` on every system. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/**
 * A place in an input: offsets into `file.text` in UTF-16 units, `end` exclusive.
 * `object` names the Kubernetes object that the place belongs to, for instance `Service shop/web`.
 * Implementations may compute `start` and `end` on demand (getters), so read them only to report.
 */
export interface Location {
  readonly file: SourceFile;
  readonly start: number;
  readonly end: number;
  readonly object?: string | undefined;
}

/** Line and column, both from 1; columns count Unicode characters, a tab is one. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

const lineStarts = new WeakMap<SourceFile, readonly number[]>();

function lineStartsOf(file: SourceFile): readonly number[] {
  const known = lineStarts.get(file);
  if (known !== undefined) return known;
  const starts = [0];
  for (let at = file.text.indexOf("\n"); at !== -1; at = file.text.indexOf("\n", at + 1)) starts.push(at + 1);
  lineStarts.set(file, starts);
  return starts;
}

/** The line of an offset, from 1; without the column, whose cost grows with the line. */
export function lineOf(file: SourceFile, offset: number): number {
  const starts = lineStartsOf(file);
  const at = Math.max(0, Math.min(offset, file.text.length));
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return low + 1;
}

/** The position of an offset; offsets beyond the text are those of its end. */
export function positionOf(file: SourceFile, offset: number): Position {
  const line = lineOf(file, offset);
  const at = Math.max(0, Math.min(offset, file.text.length));
  return { line, column: charactersBetween(file, lineStartsOf(file)[line - 1] ?? 0, at) + 1 };
}

/** A place far into its line is counted from the last multiple of this. */
const block = 4096;

const blockCounts = new WeakMap<SourceFile, readonly number[]>();

/** Characters before each block of a file: a line may be a JSON document of many megabytes, with a finding in each item. */
function blockCountsOf(file: SourceFile): readonly number[] {
  const known = blockCounts.get(file);
  if (known !== undefined) return known;
  const counts = [0];
  for (let at = block; at < file.text.length; at += block) {
    counts.push((counts.at(-1) ?? 0) + charactersIn(file.text, at - block, at));
  }
  blockCounts.set(file, counts);
  return counts;
}

function charactersBefore(file: SourceFile, offset: number): number {
  const index = Math.min(Math.floor(offset / block), blockCountsOf(file).length - 1);
  return (blockCountsOf(file)[index] ?? 0) + charactersIn(file.text, index * block, offset);
}

function charactersBetween(file: SourceFile, start: number, end: number): number {
  if (end - start <= block) return charactersIn(file.text, start, end);
  return charactersBefore(file, end) - charactersBefore(file, start);
}

/** The second half of a surrogate pair is no character of its own. */
function charactersIn(text: string, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at++) {
    const isSecondHalf = (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
    if (!isSecondHalf) count++;
  }
  return count;
}

/** The offset of a line's first character. */
export function lineStart(file: SourceFile, line: number): number {
  return lineStartsOf(file)[line - 1] ?? 0;
}

/** The text of one line (from 1), without its line ending. */
export function lineText(file: SourceFile, line: number): string {
  const starts = lineStartsOf(file);
  const start = starts[line - 1];
  if (start === undefined) return "";
  const next = starts[line] ?? file.text.length + 1;
  // Not by a regular expression: it would look through all of a long line.
  const end = next - 1 > start && file.text[next - 2] === "\r" ? next - 2 : next - 1;
  return file.text.slice(start, end);
}

/** `shop.weir:31`, as diagnostics, sources.json and traces name a place. */
export function formatPlace(location: Location): string {
  return `${location.file.path}:${lineOf(location.file, location.start)}`;
}
