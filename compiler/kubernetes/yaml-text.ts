/** What objects are made of before they are text. A field that is undefined is left out. */
export type Plain = string | number | boolean | readonly Plain[] | { readonly [key: string]: Plain | undefined };

/**
 * Words that need no quotes in YAML 1.1 or 1.2: they are no number, date, boolean or null to any reader.
 * Everything else is written in double quotes with JSON's escapes, all of which YAML has.
 */
const plainWord = /^[A-Za-z][A-Za-z0-9_./-]*$/;
const plainAddress = /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:\/[0-9]{1,2})?$/;
const otherwiseRead = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

function scalar(value: string | number | boolean): string {
  if (typeof value !== "string") return String(value);
  if ((plainWord.test(value) && !otherwiseRead.test(value)) || plainAddress.test(value)) return value;
  return JSON.stringify(value);
}

function isList(value: Plain): value is readonly Plain[] {
  return Array.isArray(value);
}

/** The lines of a value in block style, to be indented by the caller. */
function lines(value: Plain): readonly string[] {
  if (typeof value !== "object") return [scalar(value)];
  if (isList(value)) {
    return value.flatMap((item) => lines(item).map((line, at) => `${at === 0 ? "- " : "  "}${line}`));
  }
  return Object.entries(value).flatMap(([key, inside]) => {
    if (inside === undefined) return [];
    const name = scalar(key);
    if (typeof inside !== "object") return [`${name}: ${scalar(inside)}`];
    const within = lines(inside);
    if (within.length === 0) return [`${name}: ${isList(inside) ? "[]" : "{}"}`];
    return [`${name}:`, ...within.map((line) => (isList(inside) ? line : `  ${line}`))];
  });
}

/** One YAML document, with a line end and without a marker. */
export function printYaml(value: Plain): string {
  return `${lines(value).join("\n")}\n`;
}
