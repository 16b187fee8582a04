import { distance } from "fastest-levenshtein";

/** Two letters in the wrong order are one slip. */
function changesBetween(a: string, b: string): number {
  const changes = distance(a, b);
  const isSwapped = changes === 2 && a.length === b.length && [...a].sort().join("") === [...b].sort().join("");
  return isSwapped ? 1 : changes;
}

/**
 * The candidate that the author most likely meant, or null when none is near: at most two changed characters,
 * and fewer than half of the word. The first of equally near ones counts.
 */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  const lower = word.toLowerCase();
  let best: string | null = null;
  let least = Math.min(3, Math.ceil(word.length / 2));
  for (const candidate of candidates) {
    const changes = changesBetween(lower, candidate.toLowerCase());
    if (changes < least) [best, least] = [candidate, changes];
  }
  return best;
}

export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const near = nearest(word, candidates);
  return near === null ? undefined : `did you mean \`${near}\`?`;
}
