import { compareText } from "../../net/order.ts";
import { assert } from "../../result.ts";
import type { IptablesFlavour } from "../step.ts";
import { TextWriter } from "../text.ts";
import type { PlacedJump, TableCommit } from "./delta-tables.ts";
import { assertChainName, type MatchTexts, printSharedRule } from "./print.ts";
import type { IptablesRule } from "./program.ts";

/** A chain's rules as lines of `iptables-save`, each with its newline; empty for a chain without rules. */
export function printChainRules(name: string, rules: readonly IptablesRule[], texts: MatchTexts): string {
  let text = "";
  for (const rule of rules) text += `-A ${name}${printSharedRule(rule, texts)}\n`;
  return text;
}

/** With more chains than this in one commit, the nft flavour is quicker when it reads all chains at once. */
const manyChains = 1000;

/**
 * Input for `iptables-restore --noflush`, in pieces. A chain is declared first, which makes or empties it; then jumps
 * leave and enter, rules follow, and chains are deleted when nothing refers to them any more.
 * Two things keep the nft flavour (1.8.9) from quadratic time with many chains. A line `-S` makes it read all chains at
 * once instead of one by one; it lists the table on standard output, and must come after the jumps: before them the tool
 * forgets to make a table that does not exist yet. And chains are declared from the last to the first, because each is
 * put into a sorted list that is searched from its start.
 */
export function printCommits(commits: readonly TableCommit[], flavour: IptablesFlavour | null): readonly string[] {
  const writer = new TextWriter();
  for (const commit of commits) {
    const isLarge = flavour === "nft" && commit.chains.length + commit.deleted.length > manyChains;
    printCommit(commit, isLarge, writer);
  }
  return writer.file("").chunks;
}

function printCommit(commit: TableCommit, isLarge: boolean, writer: TextWriter): void {
  const { table, chains, jumps, emptied, deleted } = commit;
  writer.line(`*${table}`);
  const declared = [...chains.map((chain) => chain.name), ...emptied, ...deleted].sort(compareText);
  let previous = "";
  for (const name of declared) {
    assertChainName(name);
    assert(previous !== name, `chain ${name} of table ${table} is declared twice`);
    previous = name;
  }
  for (const name of isLarge ? declared.reverse() : declared) writer.line(`:${name} - [0:0]`);
  for (const { chain, out, in: entering } of jumps) {
    for (const target of out) writer.line(`-D ${chain} -j ${chainName(target)}`);
    for (const jump of entering) writer.line(printPlacedJump(chain, jump));
  }
  if (isLarge) writer.line("-S");
  for (const { text } of chains) if (text !== "") writer.line(text.slice(0, -1));
  for (const name of deleted) writer.line(`-X ${name}`);
  writer.line("COMMIT");
}

function printPlacedJump(chain: string, { target, at }: PlacedJump): string {
  if (at === "end") return `-A ${chain} -j ${chainName(target)}`;
  return `-I ${chain}${at === 1 ? "" : ` ${at}`} -j ${chainName(target)}`;
}

function chainName(name: string): string {
  assertChainName(name);
  return name;
}
