import { assert } from "../../result.ts";
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

/**
 * Input for `iptables-restore --noflush`, in pieces. A chain is declared first, which makes or empties it; then jumps
 * leave and enter, rules follow, and chains are deleted when nothing refers to them any more.
 * `fetchesAll` puts in a line `-S`, which makes the nft flavour read all chains at once instead of one by one, for inputs
 * with many of them; it lists the table on standard output. It must come after the jumps: before them the tool forgets
 * to make a table that does not exist yet.
 */
export function printCommits(commits: readonly TableCommit[], fetchesAll: boolean): readonly string[] {
  const writer = new TextWriter();
  for (const [index, commit] of commits.entries()) printCommit(commit, fetchesAll && index === 0, writer);
  return writer.file("").chunks;
}

function printCommit(commit: TableCommit, fetchesAll: boolean, writer: TextWriter): void {
  const { table, chains, jumps, emptied, deleted } = commit;
  writer.line(`*${table}`);
  const declared = [...chains.map((chain) => chain.name), ...emptied, ...deleted].sort();
  let previous = "";
  for (const name of declared) {
    assertChainName(name);
    assert(previous !== name, `chain ${name} of table ${table} is declared twice`);
    previous = name;
    writer.line(`:${name} - [0:0]`);
  }
  for (const { chain, out, in: entering } of jumps) {
    for (const target of out) writer.line(`-D ${chain} -j ${chainName(target)}`);
    for (const jump of entering) writer.line(printPlacedJump(chain, jump));
  }
  if (fetchesAll) writer.line("-S");
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
