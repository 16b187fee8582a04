/** One endpoint's part of the connections of a client. `expected` is from 0 to 1; null where nothing is promised. */
export interface Bar {
  readonly label: string;
  readonly expected: number | null;
  readonly count: number;
}

const width = 36;

function percent(share: number): string {
  return `${Math.round(share * 100)}%`.padStart(4);
}

/** A bar of the measured share, with a tick where the expected share ends; the whole width is `scale`. */
export function drawBar(measured: number, expected: number | null, scale: number): string {
  const cells = Math.round((measured / scale) * width);
  const tick = expected === null ? -1 : Math.min(width - 1, Math.max(0, Math.round((expected / scale) * width) - 1));
  return Array.from({ length: width }, (_, at) => (at === tick ? "┃" : at < cells ? "█" : "·")).join("");
}

/**
 * Lines of a chart: label, expected share, measured share, bar, count. The largest expected share ends at two thirds
 * of the width, so that ticks of equal shares stand in one column in every chart, unless a bar needs more.
 */
export function barChart(bars: readonly Bar[]): readonly string[] {
  const total = bars.reduce((sum, bar) => sum + bar.count, 0);
  const share = (bar: Bar) => (total === 0 ? 0 : bar.count / total);
  const promised = Math.max(...bars.map((bar) => bar.expected ?? 1), 0.01);
  const scale = Math.max(Math.min(1, promised * 1.5), ...bars.map(share));
  const labelWidth = Math.max(0, ...bars.map((bar) => bar.label.length));
  const countWidth = Math.max(0, ...bars.map((bar) => String(bar.count).length));
  return bars.map((bar) => {
    const expected = bar.expected === null ? "   ?" : percent(bar.expected);
    const count = String(bar.count).padStart(countWidth);
    return `${bar.label.padEnd(labelWidth)}  expected ${expected}  measured ${percent(share(bar))}  ${drawBar(share(bar), bar.expected, scale)} ${count}`;
  });
}

/**
 * Whether a count may be chance: within six standard deviations of a binomial distribution, which a right
 * ruleset leaves once in hundreds of millions of runs.
 */
export function isPlausible(count: number, total: number, share: number): boolean {
  const deviation = Math.sqrt(total * share * (1 - share));
  return Math.abs(count - total * share) <= 6 * deviation + 1;
}

/** `1.2 kB`: sizes of files, in decimal units. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const [value, unit] = bytes < 1_000_000 ? [bytes / 1000, "kB"] : [bytes / 1_000_000, "MB"];
  return `${value.toFixed(1)} ${unit}`;
}
