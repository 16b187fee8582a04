import {
  type BuiltinChain,
  builtinChains,
  chainPrefix,
  type IptablesTableName,
  iptablesTables,
} from "../../compiler/backends/iptables/program.ts";

/**
 * The listing of `iptables-save` as text by chain. 200,000 lines are read here, so what is ours is kept as slices of the
 * listing, and looked at line by line only where it matters.
 */
export interface Listing {
  readonly tables: ReadonlyMap<IptablesTableName, ListedTable>;
  /** Chains, rules or policies that are not weir's. */
  readonly hasOthers: boolean;
}

export interface ListedTable {
  /** Chains of the owner with their rules, as lines that begin with `-A NAME` and end with a newline. */
  readonly chains: ReadonlyMap<string, string>;
  /** Jumps from built-in chains into them, with nothing but a target, in their order. */
  readonly jumps: readonly ListedJump[];
  /** Other rules that lead into them, which are not weir's. */
  readonly references: readonly ListedReference[];
  /** How many rules of others built-in chains have; another owner's count. */
  readonly others: ReadonlyMap<BuiltinChain, number>;
}

export interface ListedJump {
  readonly chain: BuiltinChain;
  readonly target: string;
  /** Rules before it that are not the owner's. */
  readonly before: number;
  /** Nothing stands before it but jumps of weir's. */
  readonly isFirst: boolean;
}

export interface ListedReference {
  /** The chain that it stands in. */
  readonly place: string;
  readonly target: string;
  readonly text: string;
}

/** Whose chains are meant: those of `WEIR-IPVS-`, or all others of weir's. */
export type RulesOwner = "main" | "ipvs";

const ipvsPrefix = "WEIR-IPVS-";

export function isOwnedBy(owner: RulesOwner, chain: string): boolean {
  return chain.startsWith(chainPrefix) && chain.startsWith(ipvsPrefix) === (owner === "ipvs");
}

interface TableReader {
  readonly chains: Map<string, string>;
  readonly jumps: ListedJump[];
  readonly references: ListedReference[];
  readonly others: Map<BuiltinChain, number>;
  /** Built-in chains with a rule that is not weir's. */
  readonly crowded: Set<BuiltinChain>;
}

/** Reads a listing, or what `printOwn` kept of one. Lines that neither contains are passed over. */
export function readListing(text: string, owner: RulesOwner): Listing {
  const tables = new Map<IptablesTableName, TableReader>();
  let table: TableReader | null = null;
  let hasOthers = false;
  for (let at = 0; at < text.length; ) {
    const end = endOfLine(text, at);
    const name = table === null || !text.startsWith("-A ", at) ? "" : text.slice(at + 3, text.indexOf(" ", at + 3));
    if (table !== null && isOwnedBy(owner, name)) {
      const next = endOfBlock(text, at, `-A ${name} `);
      table.chains.set(name, (table.chains.get(name) ?? "") + text.slice(at, next));
      at = next;
      continue;
    }
    const line = text.slice(at, end);
    at = end + 1;
    if (line.startsWith("*")) table = openTable(line, tables);
    else if (line === "COMMIT") table = null;
    else if (table !== null && readLine(table, line, name, owner)) hasOthers = true;
  }
  return { tables, hasOthers };
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end === -1 ? text.length : end;
}

/** Behind the newline of the last line in a row that begins so. */
function endOfBlock(text: string, start: number, prefix: string): number {
  let at = start;
  while (at < text.length && text.startsWith(prefix, at)) at = endOfLine(text, at) + 1;
  return Math.min(at, text.length);
}

function openTable(line: string, tables: Map<IptablesTableName, TableReader>): TableReader {
  const table = { chains: new Map(), jumps: [], references: [], others: new Map(), crowded: new Set<BuiltinChain>() };
  const name = iptablesTables.find((known) => line === `*${known}`);
  // in other tables than these weir has nothing, but others may
  if (name !== undefined) tables.set(name, table);
  return table;
}

/** A line that is no rule of an own chain. Returns whether it is somebody else's. */
function readLine(table: TableReader, line: string, chain: string, owner: RulesOwner): boolean {
  if (line.startsWith(":")) return declareChain(table, line, owner);
  if (line.startsWith("# ")) return readCount(table, line);
  if (!line.startsWith("-A ")) return false;
  const builtin = builtinChains.find((name) => name === chain);
  const target = / -[jg] (\S+)$/.exec(line)?.[1] ?? "";
  const isWeirs = target.startsWith(chainPrefix);
  if (builtin !== undefined && isWeirs && line === `-A ${chain} -j ${target}`) {
    const before = table.others.get(builtin) ?? 0;
    if (isOwnedBy(owner, target)) {
      table.jumps.push({ chain: builtin, target, before, isFirst: !table.crowded.has(builtin) });
    } else table.others.set(builtin, before + 1);
    return false;
  }
  if (isOwnedBy(owner, target)) table.references.push({ place: chain, target, text: line });
  if (builtin !== undefined) {
    table.others.set(builtin, (table.others.get(builtin) ?? 0) + 1);
    table.crowded.add(builtin);
  }
  return !chain.startsWith(chainPrefix);
}

function declareChain(table: TableReader, line: string, owner: RulesOwner): boolean {
  const [name = "", policy] = line.slice(1).split(" ");
  if (isOwnedBy(owner, name)) table.chains.set(name, "");
  if (name.startsWith(chainPrefix)) return false;
  return policy !== "ACCEPT" || !builtinChains.some((builtin) => builtin === name);
}

/** `# INPUT 3`: so many rules of others, as `printOwn` writes it. */
function readCount(table: TableReader, line: string): boolean {
  const [, name, count] = /^# ([A-Z]+) ([0-9]+)$/.exec(line) ?? [];
  const chain = builtinChains.find((builtin) => builtin === name);
  if (chain === undefined) return false;
  table.others.set(chain, (table.others.get(chain) ?? 0) + Number(count));
  table.crowded.add(chain);
  return true;
}

/**
 * What is the owner's, as a listing again: its chains, and its jumps with the number of other rules around them.
 * Reading it gives the same tables, without the references.
 */
export function printOwn(listing: Listing): string {
  let text = "";
  for (const name of iptablesTables) {
    const table = listing.tables.get(name);
    if (table === undefined) continue;
    text += `*${name}\n`;
    for (const chain of [...table.chains.keys()].sort()) text += `:${chain} - [0:0]\n`;
    for (const chain of builtinChains) text += printBuiltin(table, chain);
    for (const rules of table.chains.values()) text += rules;
    text += "COMMIT\n";
  }
  return text;
}

function printBuiltin(table: ListedTable, chain: BuiltinChain): string {
  let text = "";
  let passed = 0;
  const pass = (count: number) => {
    if (count > passed) text += `# ${chain} ${count - passed}\n`;
    passed = count;
  };
  for (const jump of table.jumps) {
    if (jump.chain !== chain) continue;
    pass(jump.before);
    text += `-A ${chain} -j ${jump.target}\n`;
  }
  pass(table.others.get(chain) ?? 0);
  return text;
}

export function holdsAnything(listing: Listing): boolean {
  return [...listing.tables.values()].some(({ chains, jumps }) => chains.size > 0 || jumps.length > 0);
}
