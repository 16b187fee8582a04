import { visible } from "../diagnostics/visible.ts";
import { confirmation, costWords, type Outline, type Section } from "./outline.ts";

const signs = { added: "+", removed: "-", changed: "~" } as const;

/** Concerns come before what is ordinary, few enough that the effect stays within the first lines. */
const mostConcerns = 20;

/** For a terminal: the headline, what a reviewer must see, then node by node. */
export function renderDiffText(outline: Outline): string {
  const lines = [outline.headline];
  for (const { kind, what } of outline.concerns.slice(0, mostConcerns)) {
    lines.push(`${kind === "exposure" ? "EXPOSURE" : "notice"}: ${what}`);
  }
  if (outline.concerns.length > mostConcerns) lines.push(`and ${outline.concerns.length - mostConcerns} more`);
  if (outline.note !== null) lines.push(`note: ${outline.note}`);
  return [...lines, ...outline.sections.flatMap(sectionLines)].map((line) => `${visible(line)}\n`).join("");
}

function sectionLines(section: Section): readonly string[] {
  const lines = [section.title];
  for (const { change, title, lines: own } of section.blocks) {
    lines.push(`  ${signs[change]} ${title}`, ...own.map((line) => `      ${line}`));
  }
  if (section.connections.length > 0)
    lines.push("  connections", ...section.connections.map((line) => `      ${line}`));
  if (section.costs.length === 0) return lines;
  lines.push(`  cost on ${section.costNode}`);
  const width = Math.max(...section.costs.map(({ backend }) => backend.length));
  lines.push(...section.costs.map((cost) => `      ${cost.backend.padEnd(width)}  ${costWords(cost)}`));
  const words = confirmation(section);
  return words === "" ? lines : [...lines, `  ${words}`];
}
