import { visible } from "../diagnostics/visible.ts";
import { concernWords, costWords, type Outline } from "./outline.ts";
import type { Block, Section } from "./sections.ts";

/** A comment on GitHub may have 65,536 characters; a reader gives up earlier. */
const mostCharacters = 60_000;
const mostConcerns = 20;

/** Nothing in it is markup, a mention, a link or an end of its cell: every ASCII mark becomes a character reference. */
export function escapeMarkdown(text: string): string {
  return visible(text)
    .replace(/[!-,/:-@[-`{-~]/g, (mark) => `&#${mark.charCodeAt(0)};`)
    .replace(/www(?=\.)/gi, "ww&#119;");
}

/** For a comment in a pull request: the effect first, everything else folded, never longer than what is accepted. */
export function renderDiffMarkdown(outline: Outline): string {
  const head = [`**${escapeMarkdown(outline.headline)}**`, ""];
  for (const concern of outline.concerns.slice(0, mostConcerns)) {
    const kind = concern.kind === "exposure" ? "⚠️ **exposure**: " : "notice: ";
    head.push(`- ${kind}${escapeMarkdown(clipped(concernWords(concern)))}`);
  }
  if (outline.concerns.length > mostConcerns) head.push(`- and ${outline.concerns.length - mostConcerns} more`);
  if (outline.note !== null) head.push("", escapeMarkdown(outline.note));
  const pieces = [`${head.join("\n")}\n`];
  let length = pieces[0]?.length ?? 0;
  let left = 0;
  for (const section of outline.sections) {
    const piece = left > 0 ? null : sectionText(section, mostCharacters - length);
    if (piece === null) left++;
    else {
      pieces.push(piece);
      length += piece.length;
    }
  }
  if (left > 0)
    pieces.push(
      `\n${left} of ${outline.sections.length} groups of nodes are left out here for their size; \`weir diff\` prints them all.\n`,
    );
  return pieces.join("");
}

const mostLine = 1000;

function clipped(text: string): string {
  return text.length > mostLine ? `${text.slice(0, mostLine)}…` : text;
}

const signs = { added: "added", removed: "removed", changed: "changed" } as const;

/** Of a very long section, the first blocks. */
const mostBlocks = 100;

/** With as many of its changes as there is room for; null where there is none. */
function sectionText(section: Section, room: number): string | null {
  const start = ["", `<details><summary>${escapeMarkdown(section.title)}</summary>`, ""];
  const end = [...sectionEnd(section), "", "</details>"];
  const blocks: string[] = [];
  let length = lengthOf(start) + lengthOf(end) + moreLine(section.blocks.length).length;
  for (const block of section.blocks.slice(0, mostBlocks)) {
    const lines = blockLines(block);
    length += lengthOf(lines);
    if (length > room) break;
    blocks.push(lines.join("\n"));
  }
  if (length > room && blocks.length === 0) return null;
  const more = section.blocks.length - blocks.length;
  return `${[...start, ...blocks, ...(more > 0 ? [moreLine(more)] : []), ...end].join("\n")}\n`;
}

function lengthOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length + 1, 0);
}

function moreLine(count: number): string {
  return `- and ${count} more, which \`weir diff\` prints`;
}

function blockLines({ change, title, lines }: Block): readonly string[] {
  return [
    `- ${signs[change]}: ${escapeMarkdown(clipped(title))}`,
    ...lines.map((line) => `  - ${escapeMarkdown(clipped(line))}`),
  ];
}

function sectionEnd({ connections, costs, costTitle, confirmation }: Section): readonly string[] {
  const lines: string[] = [];
  if (connections.length > 0) {
    lines.push("", "Connections:", "", ...connections.map((line) => `- ${escapeMarkdown(clipped(line))}`));
  }
  if (costs.length > 0) {
    lines.push("", `| backend | ${escapeMarkdown(costTitle)} |`, "| --- | --- |");
    lines.push(...costs.map((cost) => `| ${cost.backend} | ${escapeMarkdown(clipped(costWords(cost)))} |`));
  }
  return confirmation === "" ? lines : [...lines, "", escapeMarkdown(confirmation)];
}
