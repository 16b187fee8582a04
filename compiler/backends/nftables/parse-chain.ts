import { numberAtom } from "./parse-atoms.ts";
import { parseRule } from "./parse-rule.ts";
import type { NftBaseChain, NftChain, NftRule } from "./program.ts";
import type { TokenReader } from "./tokens.ts";

/** `NAME { [type nat hook H priority P; policy accept;] rules }`, after the word chain. */
export function parseChain(reader: TokenReader): NftChain {
  const name = reader.next();
  reader.expect("{");
  reader.skipSeparators();
  const head = reader.peek() === "type" ? parseHead(reader) : null;
  const rules: NftRule[] = [];
  for (;;) {
    reader.skipSeparators();
    if (reader.accept("}")) break;
    rules.push(parseRule(reader));
  }
  return head === null ? { kind: "regular", name, rules } : { kind: "base", name, ...head, rules };
}

function parseHead(reader: TokenReader): Pick<NftBaseChain, "hook" | "priority"> {
  reader.expect("type", "nat", "hook");
  const hook = reader.next();
  if (hook !== "prerouting" && hook !== "output" && hook !== "postrouting")
    throw reader.error(`no chain of weir is at ${hook}`);
  reader.expect("priority");
  const priority = parsePriority(reader);
  reader.skipSeparators();
  if (reader.peek() === "policy") reader.expect("policy", "accept");
  return { hook, priority };
}

/** A number, or a name of table 6 of nft(8) with an offset. */
function parsePriority(reader: TokenReader): number {
  const word = reader.next();
  if (word !== "dstnat" && word !== "srcnat")
    return word.startsWith("-") ? -numberAtom(reader, word.slice(1)) : numberAtom(reader, word);
  const base = word === "dstnat" ? -100 : 100;
  if (reader.accept("+")) return base + numberAtom(reader, reader.next());
  return reader.accept("-") ? base - numberAtom(reader, reader.next()) : base;
}
