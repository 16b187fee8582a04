/**
 * Whether a name matches a guard's pattern: part by part between slashes, `*` for any run of characters within a part.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  const patterns = pattern.split("/");
  const parts = name.split("/");
  return patterns.length === parts.length && patterns.every((part, at) => matchesPart(part, parts[at] ?? ""));
}

/**
 * Whether a text matches one part of a pattern: `*` is any run of characters, `?` one character. Takes time in
 * proportion to both lengths multiplied, whatever a stranger writes.
 */
export function matchesPart(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let position = 0; position < text.length; ) {
    if (pattern[at] === "*") {
      star = at++;
      resume = position;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[position])) {
      at++;
      position++;
    } else if (star !== -1) {
      at = star + 1;
      position = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}
