/** The rules of one chain: they stand together, from one index of the lines to before another. */
interface Block {
  readonly table: string;
  readonly chain: string;
  readonly from: number;
  readonly to: number;
}

interface Split {
  readonly lines: readonly string[];
  /** By table and chain. */
  readonly blocks: ReadonlyMap<string, Block>;
}

/**
 * Two rule files as printRuleset writes them, without the chains that both have alike, so that reading them takes time
 * by what changed: the delta of the results is the delta of the files. Chains that lead to a changed one stay,
 * because they tell which service and which clients it concerns.
 */
export function withoutUnchangedChains(
  before: string,
  after: string,
): { readonly before: string; readonly after: string } {
  const [old, fresh] = [split(before), split(after)];
  const unchanged = new Set<string>();
  for (const [key, block] of old.blocks) {
    const other = fresh.blocks.get(key);
    if (other !== undefined && isSame(old.lines, block, fresh.lines, other)) unchanged.add(key);
  }
  for (const each of [old, fresh]) keepLeading(each, unchanged);
  return { before: without(old, unchanged), after: without(fresh, unchanged) };
}

function split(text: string): Split {
  const lines = text.split("\n");
  const blocks = new Map<string, Block>();
  let table = "";
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (line.startsWith("*")) table = line;
    if (!line.startsWith("-A WEIR-")) continue;
    const start = line.slice(0, line.indexOf(" ", 3) + 1);
    const from = at;
    while (lines[at + 1]?.startsWith(start) === true) at++;
    const chain = start.slice(3, -1);
    blocks.set(`${table} ${chain}`, { table, chain, from, to: at + 1 });
  }
  return { lines, blocks };
}

function isSame(left: readonly string[], a: Block, right: readonly string[], b: Block): boolean {
  if (a.to - a.from !== b.to - b.from) return false;
  for (let at = 0; at < a.to - a.from; at++) if (left[a.from + at] !== right[b.from + at]) return false;
  return true;
}

/** Takes the chains from `unchanged` that lead to a changed chain, up to the jumps: they tell what clients ask for. */
function keepLeading({ lines, blocks }: Split, unchanged: Set<string>): void {
  const leading = new Map<string, string[]>();
  for (const [key, { table, from, to }] of blocks) {
    for (let at = from; at < to; at++) {
      const line = lines[at] ?? "";
      const target = Math.max(line.lastIndexOf(" -g WEIR-"), line.lastIndexOf(" -j WEIR-"));
      if (target === -1) continue;
      const led = `${table} ${line.slice(target + 4)}`;
      const before = leading.get(led);
      if (before === undefined) leading.set(led, [key]);
      else before.push(key);
    }
  }
  const waiting = [...blocks.keys()].filter((key) => !unchanged.has(key));
  for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
    for (const above of leading.get(key) ?? []) if (unchanged.delete(above)) waiting.push(above);
  }
}

function without({ lines, blocks }: Split, chains: ReadonlySet<string>): string {
  const pieces: string[] = [];
  let table = "";
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (line.startsWith("*")) table = line;
    if (line.startsWith(":")) {
      const name = line.slice(1, line.indexOf(" "));
      if (chains.has(`${table} ${name}`)) continue;
    } else if (line.startsWith("-A WEIR-")) {
      const key = `${table} ${line.slice(3, line.indexOf(" ", 3))}`;
      const block = blocks.get(key);
      if (block !== undefined && chains.has(key)) {
        at = block.to - 1;
        continue;
      }
    }
    pieces.push(line);
  }
  return pieces.join("\n");
}
