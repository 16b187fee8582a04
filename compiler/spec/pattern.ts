/**
 * Whether a name matches a guard's pattern: part by part between slashes, `*` for any run of characters within a part.
 * Takes time in proportion to both lengths multiplied, whatever a stranger writes.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  const patterns = pattern.split("/");
  const parts = name.split("/");
  return patterns.length === parts.length && patterns.every((part, at) => matchesPart(part, parts[at] ?? ""));
}

function matchesPart(pattern: string, text: string): boolean {
  let [at, star, resume] = [0, -1, 0];
  let position = 0;
  while (position < text.length) {
    if (at < pattern.length && pattern[at] === "*") {
      star = at++;
      resume = position;
    } else if (at < pattern.length && pattern[at] === text[position]) {
      at++;
      position++;
    } else if (star !== -1) {
      at = star + 1;
      position = ++resume;
    } else {
      return false;
    }
  }
  return [...pattern.slice(at)].every((rest) => rest === "*");
}
