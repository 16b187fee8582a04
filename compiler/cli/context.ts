import picocolors from "picocolors";
import type { Severity } from "../diagnostics/definition.ts";
import { type Diagnostic, sortDiagnostics } from "../diagnostics/diagnostic.ts";
import { type Paint, renderText } from "../diagnostics/render-text.ts";
import { visibleLines } from "../diagnostics/visible.ts";
import type { Io } from "./io.ts";

/** Options that every command has; they may stand before or after the command's name. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly color?: "auto" | "always" | "never";
  readonly quiet?: boolean;
}

/** What a command's code works with. */
export interface Context {
  readonly io: Io;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly paint: Paint;
}

export function contextOf(io: Io, options: GlobalOptions): Context {
  const colors = picocolors.createColors(hasColor(io, options.color ?? "auto"));
  return {
    io,
    json: options.json === true,
    quiet: options.quiet === true,
    paint: {
      error: (text) => colors.bold(colors.red(text)),
      warning: (text) => colors.bold(colors.yellow(text)),
      note: (text) => colors.bold(colors.cyan(text)),
      strong: colors.bold,
      frame: colors.blue,
    },
  };
}

/** Only diagnostics have colours, so it is standard error that counts. NO_COLOR: see no-color.org. */
function hasColor(io: Io, choice: "auto" | "always" | "never"): boolean {
  if (choice !== "auto") return choice === "always";
  const { NO_COLOR: noColor = "", TERM: terminal = "" } = io.environment;
  return io.stderr.isTerminal && noColor === "" && terminal !== "dumb";
}

/** Sorted, each finding once: a finding about a service comes from every node that it is compiled for. */
export function distinctDiagnostics(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const seen = new Set<string>();
  return sortDiagnostics(diagnostics).filter((finding) => {
    const { location } = finding;
    const key = JSON.stringify([finding.code, location?.file.path, location?.start, finding.message]);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** `-Werror`. */
export function warningsAsErrors(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const severity: Severity = "error";
  return diagnostics.map((finding) => (finding.severity === "warning" ? { ...finding, severity } : finding));
}

/** Nobody reads more; a file of another kind can have a finding for each of a million lines. */
const mostShown = 1000;

/** Findings as text on standard error, errors before others if they are very many; `--quiet` leaves errors only. */
export async function report(context: Context, diagnostics: readonly Diagnostic[]): Promise<void> {
  const wanted = context.quiet ? diagnostics.filter(isError) : diagnostics;
  const isLong = wanted.length > mostShown;
  const shown = isLong ? [...wanted.filter(isError), ...wanted.filter((one) => !isError(one))] : wanted;
  await context.io.stderr.write(renderText(shown.slice(0, mostShown), context.paint));
  if (isLong) await context.io.stderr.write(`and ${wanted.length - mostShown} more findings, which --json has all\n`);
}

/** For commands whose answer is no list of findings: what of the inputs was not read. */
export async function reportLeftOut(context: Context, diagnostics: readonly Diagnostic[]): Promise<void> {
  if (context.json) return;
  await report(
    context,
    diagnostics.filter(({ code }) => code === "input/left-out" || code === "input/compiled-folder"),
  );
}

function isError(finding: Diagnostic): boolean {
  return finding.severity === "error";
}

/** A sentence on standard error about what was done, for people; `--quiet` and `--json` leave it out. */
export async function remark(context: Context, text: string): Promise<void> {
  if (!context.quiet && !context.json) await context.io.stderr.write(`${visibleLines(text)}\n`);
}

/** `1 service`, `2 services`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
