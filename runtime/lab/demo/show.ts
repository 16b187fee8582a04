import type { BackendArtifact, BackendName, Diagnostic } from "../../../compiler/index.ts";
import { textOf } from "../../../compiler/index.ts";
import type { Family } from "../../../compiler/net/address.ts";
import { formatSize } from "./chart.ts";

/** Styles of a terminal; identity functions where there is none. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly green: (text: string) => string;
  readonly red: (text: string) => string;
  readonly cyan: (text: string) => string;
}

const longestLine = 140;
const samplesShown = 6;

function shorten(line: string): string {
  return line.length <= longestLine ? line : `${line.slice(0, longestLine - 1)}…`;
}

/** Whether a line has the word as a whole: `10.96.0.1` is not in `10.96.0.14`, but in `10.96.0.1:80` and `10.96.0.1/32`. */
function mentions(line: string, word: string): boolean {
  for (let at = line.indexOf(word); at !== -1; at = line.indexOf(word, at + 1)) {
    const around = `${line[at - 1] ?? " "}${line[at + word.length] ?? " "}`;
    if (!/[0-9a-z]/i.test(around) && !around.startsWith(".")) return true;
  }
  return false;
}

/** The first lines that mention any of the words, in the order of the text; the rules that a reader would look for. */
export function sampleLines(text: string, words: readonly string[], limit: number): readonly string[] {
  const lines = text.split("\n").filter((line) => words.some((word) => mentions(line, word)));
  return lines.slice(0, limit).map((line) => shorten(line.trim()));
}

/** The frontend whose rules are shown: its VIP, and the addresses of its endpoints. */
export interface Sample {
  readonly family: Family;
  readonly vip: string;
  readonly endpoints: readonly string[];
}

/** The file of an artifact in which a reader finds the rules of a frontend, and what to look for. */
function whereToLook(backend: BackendName, { family, vip, endpoints }: Sample) {
  switch (backend) {
    case "iptables":
      // its dispatch names the VIP, the chains behind it only endpoints
      return { path: `iptables/${family}.rules`, words: [vip, ...endpoints] };
    case "ipvs":
      return { path: "ipvs/ipvsadm.rules", words: [vip] };
    case "nftables":
      return { path: "nftables/ruleset.nft", words: [vip] };
    case "userspace":
      return { path: `userspace/${family}.rules`, words: [vip] };
  }
}

/** What one backend made: its files with their sizes, and some rules of one frontend. */
export function artifactLines(artifact: BackendArtifact, sample: Sample | null, style: Style): readonly string[] {
  const lines = [style.bold(artifact.backend)];
  for (const file of artifact.files) {
    const text = textOf(file);
    const count = text.split("\n").length - 1;
    const size = formatSize(Buffer.byteLength(text));
    lines.push(`  ${file.path.padEnd(28)} ${String(count).padStart(6)} lines ${size.padStart(9)}`);
  }
  const place = sample === null ? null : whereToLook(artifact.backend, sample);
  const file = artifact.files.find(({ path }) => path === place?.path);
  const samples = place === null || file === undefined ? [] : sampleLines(textOf(file), place.words, samplesShown);
  if (place !== null && samples.length > 0) {
    lines.push(style.dim(`  from ${place.path}:`), ...samples.map((line) => `    ${style.cyan(line)}`));
  }
  return lines;
}

/** Findings in one line each. */
export function findingLines(diagnostics: readonly Diagnostic[]): readonly string[] {
  return diagnostics.map(({ severity, code, message }) => `${severity}[${code}]: ${message}`);
}
