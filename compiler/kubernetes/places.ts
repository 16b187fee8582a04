import type { Location, SourceFile } from "../source.ts";

/** Keys and indices from a document's root to a value: `["spec", "ports", 0, "port"]`. */
export type Path = readonly (string | number)[];

/**
 * Finds where a value stands in its file. A path that leads nowhere gives the place of the deepest part that exists,
 * so a missing field is shown at what should hold it. Cheap for values that no finding is about.
 */
export type Locate = (path: Path, object?: string) => Location;

/** Start and exclusive end, in UTF-16 units of a file's text. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A range cut at the end of its first line: what a finding about a whole mapping or list underlines. */
export function firstLineOf(text: string, range: Range): Range {
  let end = range.start;
  // Not indexOf: in a file of one long line it would look through all of it for every place.
  while (end < range.end && text[end] !== "\n") end++;
  if (end === range.end) return range;
  while (end > range.start + 1 && /\s/.test(text[end - 1] ?? "")) end--;
  return { start: range.start, end };
}

/** The parser may place a fault behind the end of the text. */
export function locationAt(file: SourceFile, range: Range, object: string | undefined): Location {
  const end = Math.min(range.end, file.text.length);
  const start = Math.min(range.start, end);
  return object === undefined ? { file, start, end } : { file, start, end, object };
}

/** `spec.ports[0].port`; keys that are no plain words are quoted: `metadata.annotations["weir/weight"]`. */
export function fieldName(path: Path): string {
  let name = "";
  for (const key of path) {
    if (typeof key === "number") name += `[${key}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(key)) name += name === "" ? key : `.${key}`;
    else name += `[${JSON.stringify(key)}]`;
  }
  return name;
}

const longestShown = 60;

/** A value as a finding shows it: JSON, cut after 60 characters. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const characters = [...jsonOf(value, 0)];
  return characters.length <= longestShown ? characters.join("") : `${characters.slice(0, longestShown).join("")}…`;
}

/** As JSON.stringify, as far as it is shown: the value may be a text of megabytes, or nest a million deep. */
function jsonOf(value: unknown, depth: number): string {
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return JSON.stringify(value.slice(0, 2 * longestShown));
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${depth > longestShown ? "" : parts(value, (part) => jsonOf(part, depth + 1))}]`;
  const entry = ([key, part]: readonly [string, unknown]): string => `${jsonOf(key, depth)}:${jsonOf(part, depth + 1)}`;
  return `{${depth > longestShown ? "" : parts(Object.entries(value), entry)}}`;
}

function parts<T>(values: readonly T[], text: (value: T) => string): string {
  const texts: string[] = [];
  for (let at = 0, length = 0; at < values.length && length <= longestShown; at++) {
    const part = values[at];
    if (part !== undefined) texts.push(text(part));
    length += texts.at(-1)?.length ?? 0;
  }
  return texts.join(",");
}
