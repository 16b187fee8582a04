import { displayWidth, visible } from "./visible.ts";

/** The part of a line that is shown, and where in it the underline goes, in columns of the terminal. */
export interface Excerpt {
  readonly text: string;
  readonly indent: number;
  readonly width: number;
}

/** Longer lines are shown around the marked place only. */
const maximumWidth = 120;
const context = 40;

/**
 * The line as it can be shown, with what stands from `start` to `end` (UTF-16 units from the line's start)
 * to be underlined. A place beyond the line's end, for something that is missing there, is one column after it.
 */
export function excerpt(line: string, start: number, end: number): Excerpt {
  const from = Math.min(start, line.length);
  const to = Math.max(from, Math.min(end, line.length));
  if (line.length <= maximumWidth) return cut(line, 0, line.length, from, to);
  const left = from <= context * 2 ? 0 : from - context;
  return cut(line, left, Math.min(line.length, left + maximumWidth), from, to);
}

function cut(line: string, left: number, right: number, from: number, to: number): Excerpt {
  const first = atCharacter(line, left);
  const last = atCharacter(line, right);
  const before = (first > 0 ? "…" : "") + visible(line.slice(first, from));
  const marked = visible(line.slice(from, Math.min(to, last)));
  const after = visible(line.slice(Math.min(Math.max(to, from), last), last)) + (last < line.length ? "…" : "");
  return { text: before + marked + after, indent: displayWidth(before), width: Math.max(1, displayWidth(marked)) };
}

/** The offset, or the one before it where it would divide a surrogate pair. */
function atCharacter(line: string, offset: number): number {
  const unit = line.charCodeAt(offset);
  return offset > 0 && unit >= 0xdc00 && unit < 0xe000 ? offset - 1 : offset;
}
