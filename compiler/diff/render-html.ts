import { visible } from "../diagnostics/visible.ts";
import { concernWords, costWords, type Outline } from "./outline.ts";
import type { Block, Section } from "./sections.ts";

/** Safe in text and in attributes with double quotes. */
export function escapeHtml(text: string): string {
  return visible(text).replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

const style = `
:root { color-scheme: light dark; --line: #8885; --soft: #8881; --bad: #b00020; --good: #1a7f37; --mid: #8a5a00 }
@media (prefers-color-scheme: dark) { :root { --bad: #ff7b85; --good: #56d364; --mid: #e3b341 } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.3rem } h2 { font-size: 1.1rem; margin-top: 2rem; border-bottom: 1px solid var(--line) }
ul { padding-left: 1.2rem } .exposure { color: var(--bad); font-weight: 600 } .notice { color: var(--mid) }
section section { border-left: 4px solid var(--line); background: var(--soft); padding: .4rem .8rem; margin: .6rem 0 }
section .added { border-color: var(--good) } section .removed { border-color: var(--bad) } section .changed { border-color: var(--mid) }
h3 { font-size: 1rem; margin: 0 } section section p { margin: .2rem 0 } table { border-collapse: collapse }
td, th { border: 1px solid var(--line); padding: .2rem .6rem; text-align: left } footer, .soft { opacity: .75; font-size: .9rem }
`;

/** One page without scripts, that loads nothing from anywhere and would not be allowed to. */
export function renderDiffHtml(outline: Outline, sides: { readonly old: string; readonly new: string }): string {
  const title = escapeHtml(`weir diff ${sides.old} ${sides.new}`);
  const lines = [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${title}</title>`,
    `<style>${style}</style>`,
    "</head>",
    "<body>",
    `<h1>${escapeHtml(outline.headline)}</h1>`,
    ...list(
      outline.concerns.map(
        (concern) => `<li class="${concern.kind}">${concern.kind}: ${escapeHtml(concernWords(concern))}</li>`,
      ),
    ),
    ...(outline.note === null ? [] : [`<p>${escapeHtml(outline.note)}</p>`]),
    ...outline.sections.flatMap(sectionLines),
    `<footer>${title}</footer>`,
    "</body>",
    "</html>",
  ];
  return `${lines.join("\n")}\n`;
}

function list(items: readonly string[]): readonly string[] {
  return items.length === 0 ? [] : ["<ul>", ...items, "</ul>"];
}

function sectionLines(section: Section): readonly string[] {
  return [
    "<section>",
    `<h2>${escapeHtml(section.title)}</h2>`,
    ...section.blocks.slice(0, mostUnfolded).flatMap(blockLines),
    ...foldedBlocks(section.blocks.slice(mostUnfolded)),
    ...(section.connections.length === 0 ? [] : ["<h3>Connections</h3>"]),
    ...list(section.connections.map((line) => `<li>${escapeHtml(line)}</li>`)),
    ...costTable(section),
    ...(section.confirmation === "" ? [] : [`<p class="soft">${escapeHtml(section.confirmation)}</p>`]),
    "</section>",
  ];
}

/** More of them are folded, so that connections and cost are not a day's journey away. */
const mostUnfolded = 50;

function foldedBlocks(blocks: readonly Block[]): readonly string[] {
  if (blocks.length === 0) return [];
  return [`<details><summary>${blocks.length} more</summary>`, ...blocks.flatMap(blockLines), "</details>"];
}

function blockLines({ change, title, lines }: Block): readonly string[] {
  return [
    `<section class="${change}"><h3>${change}: ${escapeHtml(title)}</h3>`,
    ...lines.map((line) => `<p>${escapeHtml(line)}</p>`),
    "</section>",
  ];
}

function costTable({ costs, costTitle }: Section): readonly string[] {
  if (costs.length === 0) return [];
  const rows = costs.map((cost) => `<tr><td>${cost.backend}</td><td>${escapeHtml(costWords(cost))}</td></tr>`);
  return ["<table>", `<tr><th>backend</th><th>${escapeHtml(costTitle)}</th></tr>`, ...rows, "</table>"];
}
