import { equalBecause } from "./equal.ts";
import { type Finding, judge, type Subject } from "./judge.ts";
import { type Change, changesOf } from "./operators.ts";

export interface Mutant {
  readonly subject: Subject;
  readonly path: string;
  readonly change: Change;
}

/** What became of a mutant. */
export interface Verdict extends Omit<Mutant, "change"> {
  readonly change: Omit<Change, "text">;
  readonly found: Finding;
  /** Why it means the same; null when it was found, or when it is a survivor that nothing explains. */
  readonly equal: string | null;
}

/** A number from 0 to 1 that depends on the seed and the text alone (FNV-1a). */
export function chanceOf(seed: number, text: string): number {
  let hash = (2166136261 ^ seed) >>> 0;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 16777619) >>> 0;
  // the last characters have not reached the high bits yet
  for (let round = 0; round < 4; round++) hash = Math.imul(hash ^ (hash >>> 13), 16777619) >>> 0;
  return hash / 2 ** 32;
}

/** Which mutants are tried: `share` of all, chosen by the seed. */
export interface Sample {
  readonly share: number;
  readonly seed: number;
}

export function* mutantsOf(subjects: readonly Subject[], { share, seed }: Sample): Generator<Mutant> {
  for (const subject of subjects) {
    for (const [path, text] of subject.files) {
      if (!isRead(path)) continue;
      for (const change of changesOf(text)) {
        const name = [subject.fixture, subject.node, path, change.line, change.operator, change.after].join(" ");
        if (chanceOf(seed, name) < share) yield { subject, path, change };
      }
    }
  }
}

/** Files that hold in other words what others hold are for people and plain tools; reading an artifact compares or skips them. */
function isRead(path: string): boolean {
  return path !== "ipvs/ipvsadm.rules";
}

export async function tryMutants(mutants: Iterable<Mutant>): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const { subject, path, change } of mutants) {
    const found = await judge(subject, path, change.text);
    const { text: _, ...rest } = change;
    const equal =
      found === "same program"
        ? "it reads as the same program"
        : found === null
          ? equalBecause(subject.backend, change, path)
          : null;
    verdicts.push({ subject, path, change: rest, found, equal });
  }
  return verdicts;
}

/** Counts by backend and operator, as lines of a table. */
export function tableOf(verdicts: readonly Verdict[]): readonly string[] {
  const rows = new Map<string, { made: number; refused: number; differs: number; equal: number; survived: number }>();
  for (const { subject, change, found, equal } of verdicts) {
    for (const key of [`${subject.backend} ${change.operator}`, `${subject.backend} (all)`]) {
      const row = rows.get(key) ?? { made: 0, refused: 0, differs: 0, equal: 0, survived: 0 };
      rows.set(key, row);
      row.made++;
      if (found === "refused") row.refused++;
      else if (equal !== null) row.equal++;
      else if (found !== null) row.differs++;
      else row.survived++;
    }
  }
  const head = ["backend operator", "made", "refused", "differs", "equal", "survived"];
  const lines = [...rows]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, row]) => [key, row.made, row.refused, row.differs, row.equal, row.survived].map(String));
  return [head, ...lines].map((cells) =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(26) : cell.padStart(9))).join(""),
  );
}

/** A survivor for people: where it is and what was changed. */
export function describeMutant({ subject, path, change }: Pick<Verdict, "subject" | "path" | "change">): string {
  return `${subject.fixture} ${subject.node} ${path}:${change.line} ${change.operator}: ${change.before.trim()} => ${change.after.trim()}`;
}

/** What nothing notices and nothing explains yet. */
export function survivorsOf(verdicts: readonly Verdict[]): readonly Verdict[] {
  return verdicts.filter(({ found, equal }) => found === null && equal === null);
}
