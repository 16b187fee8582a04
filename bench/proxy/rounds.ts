/** What one measurement gave, by the name of the figure. */
export type Figures = Readonly<Record<string, number>>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]];
  return (low + high) / 2;
}

/**
 * Measures each of `names` in turn, `rounds` times, so that a disturbed minute meets all of them.
 * Gives the median of each figure.
 */
export async function inTurn(
  names: readonly string[],
  rounds: number,
  measure: (name: string) => Promise<Figures>,
): Promise<ReadonlyMap<string, Figures>> {
  const all = new Map<string, Figures[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) all.get(name)?.push(await measure(name));
  }
  return new Map([...all].map(([name, runs]) => [name, medians(runs)]));
}

function medians(runs: readonly Figures[]): Figures {
  const keys = Object.keys(runs[0] ?? {});
  return Object.fromEntries(keys.map((key) => [key, median(runs.map((run) => run[key] ?? Number.NaN))]));
}
