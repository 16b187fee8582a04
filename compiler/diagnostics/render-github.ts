import type { Severity } from "./definition.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { jsonPlace } from "./render-json.ts";

const commands = { error: "error", warning: "warning", note: "notice" } as const satisfies Record<Severity, string>;

/** Anything else in a message would be read as further commands by the runner. */
function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

/**
 * Workflow commands of GitHub Actions, one line for each finding, which become annotations of a pull request.
 * Source: GitHub's documentation of workflow commands, `::error file=…,line=…,col=…::message`.
 */
export function renderGithub(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map((finding) => `${command(finding)}\n`).join("");
}

function command(finding: Diagnostic): string {
  const properties: string[] = [];
  if (finding.location !== null) {
    const place = jsonPlace(finding.location);
    properties.push(`file=${escapeProperty(place.file)}`, `line=${place.line}`, `col=${place.column}`);
    properties.push(`endLine=${place.endLine}`);
    // a runner takes an end column only for findings within one line
    if (place.endLine === place.line && place.endColumn > place.column) properties.push(`endColumn=${place.endColumn}`);
  }
  properties.push(`title=${escapeProperty(finding.code)}`);
  const help = finding.help === null ? "" : `\nhelp: ${finding.help}`;
  return `::${commands[finding.severity]} ${properties.join(",")}::${escapeData(finding.message + help)}`;
}
