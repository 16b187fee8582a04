import type { Figures } from "./rounds.ts";

/** What is compared with HAProxy: more is better. */
export interface Column {
  readonly figure: string;
  readonly digits: number;
}

const nameWidth = 10;
const cellWidth = 13;

/** One table: a line for each contender, and how weir's figure for each second of processor time stands to HAProxy's. */
export function printTable(
  title: string,
  columns: readonly Column[],
  results: ReadonlyMap<string, Figures>,
  compared: string | null,
): void {
  const line = (cells: readonly string[]): string =>
    `  ${cells.map((cell, at) => (at === 0 ? cell.padEnd(nameWidth) : cell.padStart(cellWidth))).join("")}\n`;
  process.stdout.write(`${title}\n${line(["", ...columns.map(({ figure }) => figure)])}`);
  for (const [name, figures] of results) {
    const cells = columns.map(({ figure, digits }) => {
      const value = figures[figure] ?? Number.NaN;
      return Number.isFinite(value) ? value.toFixed(digits) : "-";
    });
    process.stdout.write(line([name, ...cells]));
  }
  const [ours, theirs] = ["weir", "haproxy"].map((name) => results.get(name)?.[compared ?? ""]);
  if (compared !== null && ours !== undefined && theirs !== undefined) {
    process.stdout.write(`  weir / haproxy, ${compared}: ${(ours / theirs).toFixed(2)}\n`);
  }
}
