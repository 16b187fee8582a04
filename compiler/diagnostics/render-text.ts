import { compareNumbers, firstDifference } from "../net/order.ts";
import { type Location, lineOf, lineStart, lineText, positionOf, type SourceFile } from "../source.ts";
import type { Severity } from "./definition.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { excerpt } from "./excerpt.ts";
import { visible } from "./visible.ts";

/** Colours by role; each function returns its text, wrapped or as it is. */
export type Paint = Readonly<Record<Severity | "strong" | "frame", (text: string) => string>>;

const same = (text: string): string => text;

export const plainPaint: Paint = { error: same, warning: same, note: same, strong: same, frame: same };

/** One underlined place of a finding. */
interface Mark {
  readonly location: Location;
  readonly label: string;
  readonly isPrimary: boolean;
}

/** Findings for a person at a terminal: the finding, its place, the source lines with what is meant underlined, help. */
export function renderText(diagnostics: readonly Diagnostic[], paint: Paint): string {
  return diagnostics.map((finding) => `${renderFinding(finding, paint).join("\n")}\n`).join("\n");
}

/** A place with its source line underlined, under a text that the caller has written. */
export function renderPlace(location: Location, severity: Severity, paint: Paint): readonly string[] {
  const mark: Mark = { location, label: "", isPrimary: true };
  const gutter = " ".repeat(String(markedLine(mark)).length);
  return [`${gutter}${paint.frame("-->")} ${placeOf(location)}`, ...renderMarks([mark], gutter, severity, paint)];
}

function renderFinding(finding: Diagnostic, paint: Paint): readonly string[] {
  const head = `${paint[finding.severity](`${finding.severity}[${finding.code}]`)}${paint.strong(`: ${visible(finding.message)}`)}`;
  const marks = marksOf(finding);
  const lastLine = Math.max(0, ...marks.map((mark) => markedLine(mark)));
  const gutter = " ".repeat(lastLine === 0 ? 1 : String(lastLine).length);
  const lines = [head];
  for (const [at, file] of filesOf(marks).entries()) {
    const own = marks.filter((mark) => mark.location.file === file).sort(compareMarks);
    const first = own.find((mark) => mark.isPrimary) ?? own[0];
    if (first === undefined) continue;
    lines.push(`${gutter}${paint.frame(at === 0 ? "-->" : ":::")} ${placeOf(first.location)}`);
    lines.push(...renderMarks(own, gutter, finding.severity, paint));
  }
  if (finding.help !== null) {
    lines.push(`${gutter} ${paint.frame("=")} ${paint.strong("help:")} ${visible(finding.help)}`);
  }
  return lines;
}

function marksOf(finding: Diagnostic): readonly Mark[] {
  const notes = finding.notes.map((note) => ({ location: note.location, label: note.message, isPrimary: false }));
  if (finding.location === null) return notes;
  return [{ location: finding.location, label: "", isPrimary: true }, ...notes];
}

function filesOf(marks: readonly Mark[]): readonly SourceFile[] {
  return [...new Set(marks.map((mark) => mark.location.file))];
}

function markedLine(mark: Mark): number {
  return lineOf(mark.location.file, mark.location.start);
}

function compareMarks(a: Mark, b: Mark): number {
  return firstDifference(
    compareNumbers(markedLine(a), markedLine(b)),
    compareNumbers(a.isPrimary ? 0 : 1, b.isPrimary ? 0 : 1),
    compareNumbers(a.location.start, b.location.start),
  );
}

function placeOf(location: Location): string {
  const { line, column } = positionOf(location.file, location.start);
  const object = location.object === undefined ? "" : ` (${visible(location.object)})`;
  return `${visible(location.file.path)}:${line}:${column}${object}`;
}

function renderMarks(marks: readonly Mark[], gutter: string, severity: Severity, paint: Paint): readonly string[] {
  const bar = paint.frame("|");
  const lines = [`${gutter} ${bar}`];
  let shown = 0;
  for (const mark of marks) {
    const line = markedLine(mark);
    const part = excerpt(lineText(mark.location.file, line), ...columnsOf(mark.location, line));
    if (line !== shown)
      lines.push(`${paint.frame(String(line).padStart(gutter.length))} ${bar} ${part.text}`.trimEnd());
    shown = line;
    const underline = (mark.isPrimary ? "^" : "-").repeat(part.width);
    const label = mark.label === "" ? "" : ` ${visible(mark.label)}`;
    const painted = mark.isPrimary ? paint[severity](underline + label) : paint.frame(underline + label);
    lines.push(`${gutter} ${bar} ${" ".repeat(part.indent)}${painted}`);
  }
  return lines;
}

/** Where a location begins and ends in its first line, in UTF-16 units from the line's start. */
function columnsOf(location: Location, line: number): readonly [number, number] {
  const start = Math.min(location.start, location.file.text.length);
  const first = lineStart(location.file, line);
  return [start - first, Math.max(location.end, start) - first];
}
