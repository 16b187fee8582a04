import { type BuiltinChain, builtinChains, type IptablesTableName } from "./program.ts";

/**
 * What a family's tables hold of weir's, with chains in any form: rules as data, or lines of a listing. The order of
 * commits is decided here for all of them.
 */
export interface OwnTable<C> {
  readonly chains: ReadonlyMap<string, C>;
  /** In the order in which they stand, by built-in chain. */
  readonly jumps: ReadonlyMap<BuiltinChain, readonly PlacedJump[]>;
}

export type OwnTables<C> = ReadonlyMap<IptablesTableName, OwnTable<C>>;

/** A jump from a built-in chain, and where it is put: its number as a rule from 1, or behind all that is there. */
export interface PlacedJump {
  readonly target: string;
  readonly at: number | "end";
}

/** How two forms of a chain compare, and its rules as lines that begin with `-A NAME` and end with a newline. */
export interface ChainForm<C> {
  same(a: C, b: C): boolean;
  text(name: string, chain: C): string;
}

export interface ChainChange {
  readonly name: string;
  readonly isNew: boolean;
  /** All its rules, as lines. */
  readonly text: string;
}

export interface JumpChange {
  readonly chain: BuiltinChain;
  /** Targets to take out, one for each rule that is there. */
  readonly out: readonly string[];
  /** To put in when those are out. */
  readonly in: readonly PlacedJump[];
}

/** One commit of one table. */
export interface TableCommit {
  readonly table: IptablesTableName;
  /** Made or emptied, then filled. */
  readonly chains: readonly ChainChange[];
  readonly jumps: readonly JumpChange[];
  /** Emptied because rules of others refer to them. */
  readonly emptied: readonly string[];
  readonly deleted: readonly string[];
}

/**
 * Tables commit one by one. A mark is obeyed in one table and given in another: in filter what nat and mangle have
 * decided, in nat what mangle has. So those that obey change first when something is added, and last when it goes.
 */
const obeyingFirst: readonly IptablesTableName[] = ["filter", "nat", "mangle", "raw"];

/**
 * The commits that lead from one state to another, in their order; none when nothing differs. `isPinned` tells chains
 * that rules of others refer to: the kernel would refuse to delete them.
 */
export function tableCommits<C>(
  before: OwnTables<C>,
  after: OwnTables<C>,
  form: ChainForm<C>,
  isPinned: (table: IptablesTableName, chain: string) => boolean,
): readonly TableCommit[] {
  const changes = obeyingFirst
    .map((table) => changeOf(table, before.get(table), after.get(table), form, (chain) => isPinned(table, chain)))
    .filter((change) => change.adding !== null || change.removing !== null);
  const settling = changes.length > 1 ? changes.flatMap((change) => keepVerdicts(change)) : changes;
  const commits = [...settling.map((change) => change.adding), ...settling.map((change) => change.removing).reverse()];
  return joined(commits.filter((commit) => commit !== null));
}

interface TableChange {
  readonly adding: TableCommit | null;
  readonly removing: TableCommit | null;
  /** Rules as they are now of the chains that `adding` replaces. */
  readonly replaced: ReadonlyMap<string, string>;
}

function changeOf<C>(
  table: IptablesTableName,
  before: OwnTable<C> | undefined,
  after: OwnTable<C> | undefined,
  form: ChainForm<C>,
  isPinned: (chain: string) => boolean,
): TableChange {
  const chains: ChainChange[] = [];
  const replaced = new Map<string, string>();
  for (const [name, chain] of after?.chains ?? []) {
    const old = before?.chains.get(name);
    if (old !== undefined && form.same(old, chain)) continue;
    if (old !== undefined) replaced.set(name, form.text(name, old));
    chains.push({ name, isNew: old === undefined, text: form.text(name, chain) });
  }
  const emptied: string[] = [];
  const deleted: string[] = [];
  for (const [name, chain] of before?.chains ?? []) {
    if (after?.chains.has(name)) continue;
    if (!isPinned(name)) deleted.push(name);
    else if (form.text(name, chain) !== "") emptied.push(name);
  }
  const jumps = builtinChains.flatMap((chain) => jumpChange(chain, before?.jumps.get(chain), after?.jumps.get(chain)));
  const none = { table, chains: [], jumps: [], emptied: [], deleted: [] };
  const adding = { ...none, chains, jumps: jumps.filter((change) => change.in.length > 0) };
  const removing = { ...none, jumps: jumps.filter((change) => change.in.length === 0), emptied, deleted };
  return { adding: isEmpty(adding) ? null : adding, removing: isEmpty(removing) ? null : removing, replaced };
}

function isEmpty({ chains, jumps, emptied, deleted }: TableCommit): boolean {
  return chains.length + jumps.length + emptied.length + deleted.length === 0;
}

/** When jumps of a chain differ, all of them are taken out and put in again: within one commit nobody sees it. */
function jumpChange(
  chain: BuiltinChain,
  before: readonly PlacedJump[] = [],
  after: readonly PlacedJump[] = [],
): readonly JumpChange[] {
  const isSame =
    before.length === after.length &&
    before.every((jump, index) => jump.target === after[index]?.target && jump.at === after[index]?.at);
  return isSame ? [] : [{ chain, out: before.map((jump) => jump.target), in: after }];
}

const verdictLine = / -j (?:DROP|REJECT)(?: |$)/;

/**
 * A chain of filter acts on marks that other tables give. While those change, it acts on the marks of before as well as
 * those of after, or a packet marked the old way would get in. Such chains are lists of verdicts: order is nothing.
 */
function keepVerdicts(change: TableChange): readonly TableChange[] {
  const { adding, removing, replaced } = change;
  if (adding?.table !== "filter") return [change];
  const settled: ChainChange[] = [];
  const chains = adding.chains.map((chain) => {
    const lines = new Set(chain.text.split("\n"));
    const old = (replaced.get(chain.name) ?? "").split("\n");
    const kept = old.filter((line) => verdictLine.test(line) && !lines.has(line));
    if (kept.length === 0) return chain;
    settled.push({ ...chain, isNew: false });
    return { ...chain, text: `${chain.text}${kept.join("\n")}\n` };
  });
  if (settled.length === 0) return [change];
  const none = { table: adding.table, chains: [], jumps: [], emptied: [], deleted: [] };
  return [{ adding: { ...adding, chains }, removing: { ...(removing ?? none), chains: settled }, replaced }];
}

/** Two commits of one table after another are one. */
function joined(commits: readonly TableCommit[]): readonly TableCommit[] {
  const list: TableCommit[] = [];
  for (const commit of commits) {
    const last = list.at(-1);
    if (last === undefined || last.table !== commit.table) list.push(commit);
    else {
      list[list.length - 1] = {
        table: last.table,
        chains: [...last.chains, ...commit.chains],
        jumps: [...last.jumps, ...commit.jumps],
        emptied: [...last.emptied, ...commit.emptied],
        deleted: [...last.deleted, ...commit.deleted],
      };
    }
  }
  return list;
}
