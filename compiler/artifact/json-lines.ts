import type { TextWriter } from "../backends/text.ts";

/** A JSON value. The files of an artifact have one fact on each line, so that one change is one changed line. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A value on one line, with blanks as people write it: `{ "file": "shop.weir", "declaration": "service shop/web" }`. */
export function inlineJson(value: Json): string {
  if (isList(value)) return value.length === 0 ? "[]" : `[${value.map(inlineJson).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${inlineJson(member)}`);
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** What stands on the same lines as a value: the indentation, a member's name before it, a comma after it. */
export interface Place {
  readonly indent: string;
  readonly before: string;
  readonly after: string;
}

const top: Place = { indent: "", before: "", after: "" };

/** Writes objects member by member and lists item by item down to `depth` levels, and what is deeper on one line. */
export function writeJson(text: TextWriter, value: Json, depth: number, place: Place = top): void {
  const { indent, before, after } = place;
  const entries = depth > 0 ? entriesOf(value) : [];
  if (entries.length === 0) {
    text.line(`${indent}${before}${inlineJson(value)}${after}`);
    return;
  }
  const [open, close] = isList(value) ? ["[", "]"] : ["{", "}"];
  text.line(`${indent}${before}${open}`);
  for (const [at, [name, member]] of entries.entries()) {
    const comma = at === entries.length - 1 ? "" : ",";
    writeJson(text, member, depth - 1, { indent: `${indent}  `, before: name, after: comma });
  }
  text.line(`${indent}${close}${after}`);
}

/** The parts of a value with what stands before each. */
function entriesOf(value: Json): readonly (readonly [string, Json])[] {
  if (typeof value !== "object" || value === null) return [];
  if (isList(value)) return value.map((item) => ["", item]);
  return Object.entries(value).map(([key, member]) => [`${JSON.stringify(key)}: `, member]);
}
