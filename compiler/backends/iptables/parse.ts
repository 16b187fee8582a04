import type { Family } from "../../net/address.ts";
import { compareText } from "../../net/order.ts";
import { ParseError, textOf } from "../text.ts";
import { parseRuleWords } from "./parse-rule.ts";
import { printIptables } from "./print.ts";
import {
  type BuiltinChain,
  builtinChains,
  chainPrefix,
  type IptablesJump,
  type IptablesProgram,
  type IptablesRule,
  type IptablesRuleset,
  type IptablesTableName,
  iptablesTables,
} from "./program.ts";

/** Reads what `printIptables` wrote into `folder`. Throws ParseError on anything else, also when the files disagree. */
export function parseIptables(folder: string, files: ReadonlyMap<string, string>): IptablesProgram {
  const read = (family: Family) => {
    const text = files.get(`${folder}/${family}.rules`);
    return text === undefined ? null : parseRuleset(family, text, "refused");
  };
  const program: IptablesProgram = { ipv4: read("ipv4"), ipv6: read("ipv6") };
  const jumps = printIptables(folder, program).find((file) => file.path === `${folder}/jumps.json`);
  if (jumps === undefined || files.get(jumps.path) !== textOf(jumps)) {
    throw new ParseError(`${folder}/jumps.json does not list the jumps of the rule files`, 1);
  }
  for (const ruleset of [program.ipv4, program.ipv6]) if (ruleset !== null) checkLists(ruleset);
  return program;
}

/** Rules that disagree on which clients count as one would look for entries that others have not made. */
function checkLists({ tables }: IptablesRuleset): void {
  const masks = new Map<string, string>();
  for (const { matches } of tables.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules))) {
    for (const match of matches) {
      if (match.kind !== "recent") continue;
      const { list, mask } = match;
      if ((masks.get(list) ?? mask.text) !== mask.text) throw new ParseError(`the list ${list} has two masks`, 1);
      masks.set(list, mask.text);
    }
  }
}

/** One table as it is read. */
interface TableReader {
  readonly name: IptablesTableName;
  readonly chains: Map<string, IptablesRule[]>;
  /** Jumps into weir's chains by built-in chain. */
  readonly jumps: Map<BuiltinChain, IptablesJump[]>;
  /** Built-in chains in which a rule of another owner was seen. */
  readonly crowded: Set<BuiltinChain>;
  /** Built-in chains are declared, as only a kernel's listing does. */
  isListing: boolean;
}

/**
 * Reads a rule file of weir's, or the listing of `iptables-save` or `ip6tables-save` of either flavour.
 * Of a listing, only chains that are weir's and the jumps into them count: rules of other owners are passed over,
 * and so are counters. A listed jump is a first one when only weir's own stand before it in its chain.
 * Throws ParseError on what weir never writes; `others`: on their rules as well.
 */
export function parseRuleset(
  family: Family,
  text: string,
  others: "passed over" | "refused" = "passed over",
): IptablesRuleset {
  const readers = new Map<IptablesTableName, TableReader>();
  let reader: TableReader | null = null;
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    if (line === "" || line.startsWith("#")) continue;
    if (reader === null) {
      reader = openTable(line, number);
      if (readers.has(reader.name)) throw new ParseError(`table ${reader.name} stands twice`, number);
      readers.set(reader.name, reader);
    } else if (line === "COMMIT") reader = null;
    else if (line.startsWith(":")) declareChain(reader, line, number);
    else readCommand(reader, line, number, family);
    const crowded = [...(reader?.crowded ?? [])][0];
    if (others === "refused" && crowded !== undefined) {
      throw new ParseError(`a rule in ${crowded} that is no jump of weir's`, number);
    }
  }
  if (reader !== null) throw new ParseError(`table ${reader.name} has no COMMIT`, number);
  return rulesetOf(family, readers);
}

function openTable(line: string, number: number): TableReader {
  const name = iptablesTables.find((table) => line === `*${table}`);
  if (name === undefined) throw new ParseError(`expected a table, found ${line}`, number);
  return { name, chains: new Map(), jumps: new Map(), crowded: new Set(), isListing: false };
}

function declareChain(reader: TableReader, line: string, number: number): void {
  const name = line.slice(1, line.indexOf(" "));
  if (builtinOf(name) !== undefined) reader.isListing = true;
  if (!name.startsWith(chainPrefix)) return;
  if (reader.chains.has(name)) throw new ParseError(`chain ${name} is declared twice`, number);
  reader.chains.set(name, []);
}

function readCommand(reader: TableReader, line: string, number: number, family: Family): void {
  const words = splitWords(line, number);
  if (words[0]?.startsWith("[")) words.shift();
  const [command, chain = ""] = words;
  if (command !== "-A" && command !== "-I") throw new ParseError(`unknown command ${command}`, number);
  const rules = reader.chains.get(chain);
  if (rules !== undefined) {
    if (command !== "-A") throw new ParseError(`rules of ${chain} are appended, not inserted`, number);
    rules.push(parseRuleWords(words, 2, family, number));
    return;
  }
  if (chain.startsWith(chainPrefix)) throw new ParseError(`chain ${chain} is not declared`, number);
  const builtin = builtinOf(chain);
  if (builtin !== undefined) readBuiltinRule(reader, command, builtin, words);
}

function readBuiltinRule(
  reader: TableReader,
  command: "-A" | "-I",
  chain: BuiltinChain,
  words: readonly string[],
): void {
  const [, , option, target = ""] = words;
  if (words.length !== 4 || option !== "-j" || !target.startsWith(chainPrefix)) {
    reader.crowded.add(chain);
    return;
  }
  const isFirst = command === "-I" || (reader.isListing && !reader.crowded.has(chain));
  const jump: IptablesJump = { table: reader.name, chain, target, position: isFirst ? "first" : "last" };
  const jumps = reader.jumps.get(chain) ?? [];
  reader.jumps.set(chain, command === "-I" ? [jump, ...jumps] : [...jumps, jump]);
}

/** Reads one line of a listing, `-A CHAIN …`, as the rule in it. Throws ParseError on what weir never writes. */
export function parseRuleLine(family: Family, line: string): IptablesRule {
  return parseRuleWords(splitWords(line, 1), 2, family, 1);
}

function builtinOf(name: string): BuiltinChain | undefined {
  return builtinChains.find((chain) => chain === name);
}

function rulesetOf(family: Family, readers: ReadonlyMap<IptablesTableName, TableReader>): IptablesRuleset {
  const inOrder = iptablesTables.flatMap((name) => readers.get(name) ?? []);
  return {
    family,
    tables: inOrder
      .filter((reader) => reader.chains.size > 0)
      .map((reader) => ({
        name: reader.name,
        chains: [...reader.chains].sort(([a], [b]) => compareText(a, b)).map(([name, rules]) => ({ name, rules })),
      })),
    jumps: inOrder.flatMap((reader) => builtinChains.flatMap((chain) => reader.jumps.get(chain) ?? [])),
  };
}

/** The words of a line, with quotes and backslashes undone as the restore tools do it. */
function splitWords(line: string, number: number): string[] {
  if (!line.includes('"')) return line.split(" ").filter((word) => word !== "");
  const words: string[] = [];
  let word: string | null = null;
  let quoted = false;
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    if (quoted && character === "\\") {
      at++;
      word = (word ?? "") + line.charAt(at);
    } else if (character === '"') {
      quoted = !quoted;
      word ??= "";
    } else if (!quoted && character === " ") {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? "") + character;
  }
  if (quoted) throw new ParseError("a quote is not closed", number);
  if (word !== null) words.push(word);
  return words;
}
