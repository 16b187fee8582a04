import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { addAll, type Diagnostic, hasErrors } from "../diagnostics/diagnostic.ts";
import { countDiagnostics, jsonDiagnostic } from "../diagnostics/render-json.ts";
import { languageOf } from "../pipeline.ts";
import { formatSyntax } from "../syntax/format.ts";
import { parseSyntax } from "../syntax/parse.ts";
import { type Context, counted, distinctDiagnostics, remark, report } from "./context.ts";
import { exitCodes, troubleFrom, UsageError } from "./exit.ts";
import { findInputs, type InputPath } from "./paths.ts";
import { readInput } from "./read.ts";

export interface FmtOptions {
  readonly check?: boolean;
  readonly stdinName?: string;
}

interface Formatted {
  readonly input: InputPath;
  readonly text: string;
  readonly isChanged: boolean;
}

/**
 * `weir fmt`: canonical layout for every .weir file among the inputs; includes are not followed. A file with errors
 * is reported and left alone, the others are written.
 */
export async function fmt(context: Context, paths: readonly string[], options: FmtOptions): Promise<number> {
  const found = findInputs(paths, options.stdinName ?? null);
  const diagnostics: Diagnostic[] = [...found.diagnostics];
  const formatted: Formatted[] = [];
  const given = new Set(paths.map((path) => join(path)));
  for (const input of found.inputs) {
    if (input.real !== "-" && languageOf(input.shown) !== "weir") {
      if (given.has(input.shown)) throw new UsageError(`fmt lays out .weir files, and ${input.shown} is none`);
      continue;
    }
    const read = await readInput(input, context.io);
    addAll(diagnostics, read.diagnostics);
    if (read.file === null) continue;
    const parsed = parseSyntax(read.file);
    addAll(diagnostics, parsed.diagnostics);
    if (hasErrors(parsed.diagnostics)) continue;
    const text = formatSyntax(parsed.tree);
    formatted.push({ input, text, isChanged: text !== read.file.text });
  }
  return finish(context, formatted, distinctDiagnostics(diagnostics), options.check === true);
}

async function finish(
  context: Context,
  formatted: readonly Formatted[],
  diagnostics: readonly Diagnostic[],
  isCheck: boolean,
): Promise<number> {
  const changed = formatted.filter((file) => file.isChanged);
  const names = changed.map((file) => file.input.shown);
  if (!isCheck) for (const file of changed) if (file.input.real !== "-") replaceFile(file.input, file.text);
  if (context.json) {
    const findings = { diagnostics: diagnostics.map(jsonDiagnostic), ...countDiagnostics(diagnostics) };
    const texts = isCheck ? [] : formatted.filter((file) => file.input.real === "-").map((file) => file.text);
    const document = { changed: names, ...(texts[0] === undefined ? {} : { text: texts[0] }), ...findings };
    await context.io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  } else {
    await report(context, diagnostics);
    if (isCheck) await context.io.stdout.write(names.map((name) => `${name}\n`).join(""));
    else for (const file of formatted) if (file.input.real === "-") await context.io.stdout.write(file.text);
  }
  const verb = isCheck ? "would change" : "changed";
  await remark(context, `${counted(formatted.length, "file")}, ${names.length} ${verb}`);
  if (hasErrors(diagnostics) || (isCheck && names.length > 0)) return exitCodes.failed;
  return exitCodes.ok;
}

/** Through a new file beside it, so that a full disk does not cost the author the old one. */
function replaceFile(input: InputPath, text: string): void {
  const fresh = join(dirname(input.real), `.${basename(input.real)}.weir-${process.pid}`);
  try {
    const descriptor = openSync(fresh, "wx", 0o600);
    try {
      writeFileSync(descriptor, text, "utf8");
      fchmodSync(descriptor, statSync(input.real).mode & 0o7777);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(fresh, input.real);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw troubleFrom(error, `write ${input.shown}`);
  }
}
