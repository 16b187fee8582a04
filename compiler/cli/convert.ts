import { type Diagnostic, hasErrors } from "../diagnostics/diagnostic.ts";
import { countDiagnostics, jsonDiagnostic } from "../diagnostics/render-json.ts";
import type { Spec } from "../spec/schema.ts";
import { type Context, distinctDiagnostics, report } from "./context.ts";
import { exitCodes } from "./exit.ts";
import { loadSpec } from "./load.ts";

export interface ConvertOptions {
  readonly to: "weir" | "k8s";
  readonly stdinName?: string;
}

/** `weir convert`: the whole spec in the other language on standard output; nothing there after an error. */
export async function convert(context: Context, paths: readonly string[], options: ConvertOptions): Promise<number> {
  const loaded = await loadSpec(paths, options.stdinName ?? null, context.io);
  const printed = hasErrors(loaded.diagnostics) ? { text: "", diagnostics: [] } : await print(loaded.spec, options.to);
  const diagnostics = distinctDiagnostics([...loaded.diagnostics, ...printed.diagnostics]);
  const failed = hasErrors(diagnostics);
  if (context.json) {
    const findings = { diagnostics: diagnostics.map(jsonDiagnostic), ...countDiagnostics(diagnostics) };
    const document = { text: failed ? null : printed.text, ...findings };
    await context.io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  } else {
    await report(context, diagnostics);
    if (!failed) await context.io.stdout.write(printed.text);
  }
  return failed ? exitCodes.failed : exitCodes.ok;
}

async function print(
  spec: Spec,
  language: "weir" | "k8s",
): Promise<{ readonly text: string; readonly diagnostics: readonly Diagnostic[] }> {
  if (language === "k8s") return (await import("../kubernetes/from-spec.ts")).objectsFromSpec(spec);
  const { syntaxFromSpec } = await import("../spec/to-syntax.ts");
  const { formatSyntax } = await import("../syntax/format.ts");
  return { text: formatSyntax(syntaxFromSpec(spec)), diagnostics: [] };
}
