import { codes, type DiagnosticCode } from "../../compiler/diagnostics/codes.ts";
import type { DiagnosticDefinition } from "../../compiler/diagnostics/definition.ts";
import { compareText } from "../../compiler/net/order.ts";

/** Stands for any value in a message: its name in pointed quotes, also where the message expects a list. */
class Placeholder extends String {
  join(): string {
    return this.toString();
  }
  map(): Placeholder {
    return this;
  }
}

const placeholders = new Proxy({}, { get: (_, name) => new Placeholder(`‹${String(name)}›`) });

const stages: readonly (readonly [string, string])[] = [
  ["input", "What is wrong with the files themselves, before they are parsed."],
  ["syntax", "The text of a `.weir` file."],
  ["kubernetes", "Kubernetes objects."],
  ["spec", "The meaning of the spec, whichever language it is written in."],
  [
    "lower",
    "What a backend cannot do, or does otherwise than the spec says. Warnings here can be allowed in the spec.",
  ],
];

/** docs/diagnostics.md: every code that weir can report, from the table that the code itself uses. */
export function diagnosticsPage(): string {
  const lines = [
    "# Diagnostics",
    "",
    "Every finding has a code, which stays the same from release to release. Errors stop; warnings do not, unless",
    "`-Werror` is given; notes only tell. Words in ‹these quotes› stand for what was found. An example of each code",
    "is in `fixtures/errors/`, in the folder of the same name with a dash for the slash.",
    "",
    "This page is made from `compiler/diagnostics/codes/` by `npm run golden`.",
  ];
  const known = Object.entries<DiagnosticDefinition>(codes);
  for (const [stage, about] of stages) {
    lines.push("", `## ${stage}`, "", about, "", "| code | severity | message |", "| --- | --- | --- |");
    const own = known.filter(([code]) => code.startsWith(`${stage}/`)).sort(([a], [b]) => compareText(a, b));
    for (const [code, { severity, message }] of own) {
      lines.push(`| \`${code}\` | ${severity} | ${cell(message(placeholders))} |`);
    }
  }
  return `${lines.join("\n")}\n`;
}

export function stagesOfCodes(): ReadonlySet<string> {
  return new Set(Object.keys(codes).map((code: DiagnosticCode | string) => code.split("/")[0] ?? ""));
}

export const documentedStages: ReadonlySet<string> = new Set(stages.map(([stage]) => stage));

/** Text in a cell of a Markdown table, where a bar would end it. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
