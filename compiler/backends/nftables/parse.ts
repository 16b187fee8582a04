import { compareText } from "../../net/order.ts";
import { tableName } from "./names.ts";
import { hasDoubles, sortTable } from "./order.ts";
import { parseChain } from "./parse-chain.ts";
import { parseSet } from "./parse-set.ts";
import type { AnyNftSet, NftChain, NftFamily, NftProgram, NftTable } from "./program.ts";
import { TokenReader } from "./tokens.ts";

/**
 * Reads what printNftables wrote, or what `nft list table` and `nft list ruleset` print of weir's tables: counters,
 * expiry times and the elements of dynamic maps are left out, the order does not matter, tables of others are skipped.
 * Throws ParseError with the line.
 */
export function parseNftables(text: string): NftProgram {
  const reader = new TokenReader(text);
  const tables: NftTable[] = [];
  for (;;) {
    reader.skipSeparators();
    if (reader.peek() === "") break;
    const isDelete = reader.accept("delete");
    reader.expect("table");
    const family = reader.next();
    const name = reader.next();
    if (isDelete || !reader.accept("{")) continue;
    if (name !== tableName || !isFamily(family)) reader.skipBlock();
    else if (tables.some((table) => table.family === family)) throw reader.error(`table ${family} ${name} comes twice`);
    else tables.push(parseTable(reader, family, name));
  }
  tables.sort((a, b) => compareText(a.family, b.family));
  return { tables };
}

function isFamily(word: string): word is NftFamily {
  return word === "ip" || word === "ip6";
}

function parseTable(reader: TokenReader, family: NftFamily, name: string): NftTable {
  const sets: AnyNftSet[] = [];
  const chains: NftChain[] = [];
  reader.family = family;
  for (;;) {
    reader.skipSeparators();
    const word = reader.next();
    if (word === "}") return eachOnce(sortTable({ family, name, sets, chains }), reader);
    if (word === "chain") chains.push(parseChain(reader));
    else if (word === "set" || word === "map") sets.push(parseSet(reader, word));
    else throw reader.error(`expected a chain, set or map, found ${word || "end of file"}`);
  }
}

/** nft takes a second declaration for more of the first; in a program each name and each key stands once. */
function eachOnce(table: NftTable, reader: TokenReader): NftTable {
  for (const items of [table.sets, table.chains]) {
    const twice = items.find(({ name }, at) => name === items[at - 1]?.name);
    if (twice !== undefined) throw reader.error(`${twice.name} is declared twice`);
  }
  for (const set of table.sets) {
    if (set.kind !== "dynamic-map" && hasDoubles(set)) throw reader.error(`${set.name} has an element twice`);
  }
  return table;
}
