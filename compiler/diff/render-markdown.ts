import { visible } from "../diagnostics/visible.ts";
import { confirmation, costWords, type Outline, type Section } from "./outline.ts";

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
  for (const { kind, what } of outline.concerns.slice(0, mostConcerns)) {
    head.push(`- ${kind === "exposure" ? "⚠️ **exposure**: " : "notice: "}${escapeMarkdown(clipped(what))}`);
  }
  if (outline.concerns.length > mostConcerns) head.push(`- and ${outline.concerns.length - mostConcerns} more`);
  if (outline.note !== null) head.push("", escapeMarkdown(outline.note));
  const pieces = [`${head.join("\n")}\n`];
  let length = pieces[0]?.length ?? 0;
  let left = 0;
  for (const section of outline.sections) {
    const piece = sectionText(section);
    if (left > 0 || length + piece.length > mostCharacters) left++;
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

function sectionText(section: Section): string {
  const lines = ["", `<details><summary>${escapeMarkdown(section.title)}</summary>`, ""];
  for (const { change, title, lines: own } of section.blocks.slice(0, mostBlocks)) {
    lines.push(`- ${signs[change]}: ${escapeMarkdown(clipped(title))}`);
    lines.push(...own.map((line) => `  - ${escapeMarkdown(clipped(line))}`));
  }
  const more = section.blocks.length - mostBlocks;
  if (more > 0) lines.push(`- and ${more} more, which \`weir diff\` prints`);
  if (section.connections.length > 0) {
    lines.push("", "Connections:", "", ...section.connections.map((line) => `- ${escapeMarkdown(clipped(line))}`));
  }
  if (section.costs.length > 0) {
    lines.push("", `| backend | cost on ${escapeMarkdown(section.costNode)} |`, "| --- | --- |");
    lines.push(...section.costs.map((cost) => `| ${cost.backend} | ${escapeMarkdown(clipped(costWords(cost)))} |`));
  }
  const words = confirmation(section);
  if (words !== "") lines.push("", escapeMarkdown(words));
  return `${[...lines, "", "</details>"].join("\n")}\n`;
}
