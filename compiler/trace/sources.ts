import { compareNumbers, compareText } from "../net/order.ts";

/** More lines of one rule are a number. */
const mostPlaces = 4;

interface Place {
  readonly text: string;
  /** The text without the line; all of it where there is none, as in compiled folders. */
  readonly file: string;
  readonly line: number;
}

/**
 * The places that one rule is for, as one text: `shop.weir:23, 24 and 6 more`, the lines of a file together. null where
 * one of them is not known: then it serves more than can be told.
 */
export function joinedSources(sources: readonly (string | null)[]): string | null {
  const known = [...new Set(sources)];
  const places = known.flatMap((source) => (source === null ? [] : [placeOf(source)]));
  if (places.length < known.length || places.length === 0) return null;
  places.sort((a, b) => compareText(a.file, b.file) || compareNumbers(a.line, b.line));
  const shown = places.slice(0, mostPlaces).map(({ text, file, line }, at) => {
    return places[at - 1]?.file === file ? `${line}` : text;
  });
  return `${shown.join(", ")}${places.length > mostPlaces ? ` and ${places.length - mostPlaces} more` : ""}`;
}

function placeOf(text: string): Place {
  const [, file = text, line = "0"] = /^(.*):([0-9]+)$/s.exec(text) ?? [];
  return { text, file, line: Number(line) };
}
