import { visible } from "../diagnostics/visible.ts";
import { concernWords, costWords, type Outline } from "./outline.ts";
import type { Section } from "./sections.ts";

const signs = { added: "+", removed: "-", changed: "~" } as const;

/** Concerns come before what is ordinary, few enough that the effect stays within the first lines. */
const mostConcerns = 20;

/** For a terminal: the headline, what a reviewer must see, then node by node. */
export function renderDiffText(outline: Outline): string {
  const lines = [outline.headline];
  for (const concern of outline.concerns.slice(0, mostConcerns)) {
    lines.push(`${concern.kind === "exposure" ? "EXPOSURE" : "notice"}: ${concernWords(concern)}`);
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
  lines.push(`  ${section.costTitle}`);
  const width = Math.max(...section.costs.map(({ backend }) => backend.length));
  lines.push(...section.costs.map((cost) => `      ${cost.backend.padEnd(width)}  ${costWords(cost)}`));
  return section.confirmation === "" ? lines : [...lines, `  ${section.confirmation}`];
}
