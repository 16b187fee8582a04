import type { BackendArtifact, Diagnostic } from "../../../compiler/index.ts";
import { textOf } from "../../../compiler/index.ts";
import { formatSize } from "./chart.ts";

/** Styles of a terminal; identity functions where there is none. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly green: (text: string) => string;
  readonly red: (text: string) => string;
  readonly cyan: (text: string) => string;
}

const longestLine = 132;

function shorten(line: string): string {
  return line.length <= longestLine ? line : `${line.slice(0, longestLine - 1)}…`;
}

/** The first lines that mention any of the words, in the order of the text; the rules that a reader would look for. */
export function sampleLines(text: string, words: readonly string[], limit: number): readonly string[] {
  const lines = text.split("\n").filter((line) => words.some((word) => line.includes(word)));
  return lines.slice(0, limit).map((line) => shorten(line.trim()));
}

/** The file of an artifact in which a reader finds the rules of a service. */
function mainFile(artifact: BackendArtifact, ipv6: boolean) {
  const names = ["ruleset.nft", ipv6 ? "ipv6.rules" : "ipv4.rules"];
  const wanted =
    artifact.backend === "ipvs" ? ["ipvsadm.rules"] : artifact.backend === "userspace" ? ["proxy.json"] : names;
  return artifact.files.find((file) => wanted.some((name) => file.path.endsWith(`/${name}`)));
}

/** What one backend made: its files with their sizes, and some rules of one service. */
export function artifactLines(artifact: BackendArtifact, words: readonly string[], style: Style): readonly string[] {
  const lines = [style.bold(artifact.backend)];
  for (const file of artifact.files) {
    const text = textOf(file);
    const count = text.split("\n").length - 1;
    const size = formatSize(Buffer.byteLength(text));
    lines.push(`  ${file.path.padEnd(28)} ${String(count).padStart(6)} lines ${size.padStart(9)}`);
  }
  const main = mainFile(
    artifact,
    words.some((word) => word.includes(":") && !word.includes("/")),
  );
  if (main !== undefined) {
    const samples = sampleLines(textOf(main), words, 4);
    if (samples.length > 0)
      lines.push(style.dim(`  from ${main.path}:`), ...samples.map((line) => `    ${style.cyan(line)}`));
  }
  return lines;
}

/** Findings in one line each. */
export function findingLines(diagnostics: readonly Diagnostic[]): readonly string[] {
  return diagnostics.map(({ severity, code, message }) => `${severity}[${code}]: ${message}`);
}
