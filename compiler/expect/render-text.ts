import { type Paint, renderPlace } from "../diagnostics/render-text.ts";
import { visible } from "../diagnostics/visible.ts";
import { formatPlace } from "../source.ts";
import type { Trial } from "./try.ts";
import { formatExpectedOutcome, formatExpectedPacket } from "./words.ts";

/** The trials of one `expect` line on one node. */
type Group = readonly [Trial, ...Trial[]];

/**
 * For a person: one line for what passed, and for what failed the line of the spec, what was expected, what came out by
 * whom, and through which rules.
 */
export function renderTrials(trials: readonly Trial[], paint: Paint): string {
  return groupsOf(trials)
    .map((group) => `${renderGroup(group, paint).join("\n")}\n`)
    .join("");
}

function groupsOf(trials: readonly Trial[]): readonly Group[] {
  const groups: [Trial, ...Trial[]][] = [];
  for (const trial of trials) {
    const last = groups.at(-1);
    if (last?.[0].expected === trial.expected && last[0].node === trial.node) last.push(trial);
    else groups.push([trial]);
  }
  return groups;
}

function renderGroup(group: Group, paint: Paint): readonly string[] {
  const [{ expected, node }] = group;
  const packet = formatExpectedPacket(expected);
  const outcome = formatExpectedOutcome(expected.outcome);
  const failed = group.filter(({ status }) => status === "failed");
  const remarks = [...skippedLines(group), ...noteLines(group)];
  if (failed.length === 0) {
    const place = formatPlace(expected.origin);
    return [visible(`passed  ${place} on ${node}: ${packet} ${outcome}`), ...remarks];
  }
  return [
    `${paint.error("failed")}${paint.strong(visible(`  on ${node}: ${packet} ${outcome}`))}`,
    ...renderPlace(expected.origin, "error", paint),
    ...byResult(failed).flatMap((same) => failureLines(same)),
    ...remarks,
  ];
}

/** Those of whom the same is to be said, in the order of the first. */
function byResult(failed: readonly Trial[]): readonly Group[] {
  const groups = new Map<string, [Trial, ...Trial[]]>();
  for (const trial of failed) {
    const key = JSON.stringify([trial.got, trial.reasons]);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [trial]);
    else known.push(trial);
  }
  return [...groups.values()];
}

function judgeName({ by }: Trial): string {
  return by === "spec" ? "the spec's meaning" : by;
}

function failureLines(same: Group): readonly string[] {
  const [{ got, reasons }] = same;
  return [
    visible(`  by ${same.map(judgeName).join(", ")}`),
    ...(got === null ? [] : [visible(`    got ${got}`)]),
    ...reasons.map((reason) => visible(`    ${reason}`)),
    ...same.flatMap(pathLines),
  ];
}

function pathLines({ by, path }: Trial): readonly string[] {
  if (path.length === 0) return [];
  return [`    by the rules of ${by}:`, ...path.map(({ place, rule }) => visible(`      ${place}: ${rule}`))];
}

function skippedLines(group: Group): readonly string[] {
  return group
    .filter(({ status }) => status === "skipped")
    .map(({ by, reasons }) => visible(`  not tried by ${by}: ${reasons.join("; ")}`));
}

function noteLines(group: Group): readonly string[] {
  return group.flatMap(({ by, notes }) => notes.map((note) => visible(`  by ${by}, ${note}`)));
}
