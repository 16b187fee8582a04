import { chanceOf } from "./chance.ts";
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

/** Which mutants are tried: `share` of all, chosen by the seed. */
export interface Sample {
  readonly share: number;
  readonly seed: number;
}

export function* mutantsOf(subjects: readonly Subject[], { share, seed }: Sample): Generator<Mutant> {
  for (const subject of subjects) {
    for (const [path, text] of subject.files) {
      for (const change of changesOf(text)) {
        const name = [subject.fixture, subject.node, path, change.line, change.operator, change.after].join(" ");
        if (chanceOf(seed, name) < share) yield { subject, path, change };
      }
    }
  }
}

export async function tryMutants(mutants: Iterable<Mutant>): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const { subject, path, change } of mutants) {
    const { found, program } = await judge(subject, path, change.text);
    const { text: _, ...rest } = change;
    const equal =
      found === "same program"
        ? "it reads as the same program"
        : found === null
          ? await equalBecause(subject, program)
          : null;
    verdicts.push({ subject, path, change: rest, found, equal });
  }
  return verdicts;
}

interface Counts {
  made: number;
  refused: number;
  found: number;
  equal: number;
  unexplained: number;
}

/** Counts by backend and operator, as lines of a table; behind it, how many mean the same for which reason. */
export function tableOf(verdicts: readonly Verdict[]): readonly string[] {
  const rows = new Map<string, Counts>();
  const reasons = new Map<string, number>();
  for (const { subject, change, found, equal } of verdicts) {
    for (const key of [`${subject.backend} ${change.operator}`, `${subject.backend} (all)`]) {
      const row = rows.get(key) ?? { made: 0, refused: 0, found: 0, equal: 0, unexplained: 0 };
      rows.set(key, row);
      row.made++;
      row[equal !== null ? "equal" : found === null ? "unexplained" : found === "refused" ? "refused" : "found"]++;
    }
    if (equal === null) continue;
    const reason = `${subject.backend}: ${equal}`;
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  const head = ["backend operator", "made", "refused", "found", "equal", "unexplained"];
  const lines = [...rows]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, row]) => [key, row.made, row.refused, row.found, row.equal, row.unexplained].map(String));
  return [
    ...[head, ...lines].map((cells) =>
      cells.map((cell, at) => (at === 0 ? cell.padEnd(26) : cell.padStart(12))).join(""),
    ),
    "equal in meaning, and why:",
    ...[...reasons].map(([reason, count]) => `${String(count).padStart(7)} ${reason}`),
  ];
}

/** A survivor for people: where it is and what was changed. */
export function describeMutant({ subject, path, change }: Pick<Verdict, "subject" | "path" | "change">): string {
  return `${subject.fixture} ${subject.node} ${path}:${change.line} ${change.operator}: ${change.before.trim()} => ${change.after.trim()}`;
}

/** What nothing notices and nothing explains: a defect of verify, of a lowering, or of the comparison. */
export function survivorsOf(verdicts: readonly Verdict[]): readonly Verdict[] {
  return verdicts.filter(({ found, equal }) => found === null && equal === null);
}
