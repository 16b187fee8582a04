import { distance } from "fastest-levenshtein";

/** Two letters in the wrong order are one slip. */
function changesBetween(a: string, b: string): number {
  const changes = distance(a, b);
  const isSwapped = changes === 2 && a.length === b.length && [...a].sort().join("") === [...b].sort().join("");
  return isSwapped ? 1 : changes;
}

/** `worker-1` for `worker-2` is another name, not a slip. */
function isOtherNumber(a: string, b: string): boolean {
  return a.length === b.length && a.replace(/[0-9]/g, "0") === b.replace(/[0-9]/g, "0");
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
    if (changes < least && !isOtherNumber(word, candidate)) [best, least] = [candidate, changes];
  }
  return best;
}

/** The help of a finding about a word that is not known, or undefined when no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const near = nearest(word, candidates);
  return near === null ? undefined : `did you mean \`${near}\`?`;
}
