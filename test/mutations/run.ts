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
