import type { Diagnostic } from "./diagnostic.ts";
import { renderGithub } from "./render-github.ts";
import { renderJson } from "./render-json.ts";
import { renderSarif } from "./render-sarif.ts";
import { type Paint, plainPaint, renderText } from "./render-text.ts";

export const diagnosticFormats = ["text", "json", "github", "sarif"] as const;

export type DiagnosticFormat = (typeof diagnosticFormats)[number];

/**
 * All findings in one of the formats, in the order given (sort them first). Text ends with a line break
 * and is empty without findings, as are GitHub's commands; JSON and SARIF are one document in any case.
 * `paint` colours text and nothing else.
 */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  format: DiagnosticFormat,
  paint: Paint = plainPaint,
): string {
  switch (format) {
    case "text":
      return renderText(diagnostics, paint);
    case "json":
      return renderJson(diagnostics);
    case "github":
      return renderGithub(diagnostics);
    case "sarif":
      return renderSarif(diagnostics);
  }
}
