import { numberAtom, parseKey } from "./parse-atoms.ts";
import { parseVerdict, skipCounter } from "./parse-rule.ts";
import { typeofSpelling } from "./print-rule.ts";
import type { AnyNftSet, NftDatatype, NftMapElement, NftSetElement, NftVerdictElement } from "./program.ts";
import type { TokenReader } from "./tokens.ts";

/** `NAME { type …; flags …; size N; elements = { … } }`, after the word set or map. */
export function parseSet(reader: TokenReader, word: "set" | "map"): AnyNftSet {
  const name = reader.next();
  reader.expect("{");
  reader.skipSeparators();
  const { key, data } = parseType(reader, word);
  let flags: readonly string[] = [];
  let size: number | null = null;
  for (;;) {
    reader.skipSeparators();
    if (reader.accept("flags")) flags = parseFlags(reader);
    else if (reader.accept("size")) size = numberAtom(reader, reader.next());
    else break;
  }
  const interval = flags.includes("interval");
  const known = flags.every((flag) => flag === "interval" || flag === "dynamic" || flag === "timeout");
  if (!known) throw reader.error(`set ${name} has flags that weir does not use`);
  if (flags.includes("dynamic")) {
    if (data === "verdict" || data === null || size === null) throw reader.error(`${name} is no map of weir's`);
    if (reader.accept("elements")) {
      reader.expect("=", "{");
      reader.skipBlock();
    }
    closeSet(reader);
    return { kind: "dynamic-map", name, key, interval, data, size };
  }
  const elements = parseElements(reader, key, data, interval);
  closeSet(reader);
  if (data === null) return { kind: "set", name, key, interval, elements: elements.plain };
  if (data === "verdict") return { kind: "verdict-map", name, key, interval, elements: elements.verdicts };
  return { kind: "map", name, key, interval, data, elements: elements.mapped };
}

function closeSet(reader: TokenReader): void {
  reader.skipSeparators();
  reader.expect("}");
}

interface SetType {
  readonly key: readonly NftDatatype[];
  readonly data: readonly NftDatatype[] | "verdict" | null;
}

function parseType(reader: TokenReader, word: "set" | "map"): SetType {
  const byField = reader.accept("typeof");
  if (!byField) reader.expect("type");
  const list = (): readonly NftDatatype[] => {
    const types = [parseDatatype(reader, byField)];
    while (reader.accept(".")) types.push(parseDatatype(reader, byField));
    return types;
  };
  const key = list();
  if (word === "set") return { key, data: null };
  reader.expect(":");
  return { key, data: reader.accept("verdict") ? "verdict" : list() };
}

const datatypes = ["ipv4_addr", "ipv6_addr", "inet_proto", "inet_service", "classid", "integer"] as const;

function parseDatatype(reader: TokenReader, byField: boolean): NftDatatype {
  const word = byField ? `${reader.next()} ${reader.next()}` : reader.next();
  const found = datatypes.find((type) => (byField ? typeofSpelling[type] : type) === word);
  if (found === undefined) throw reader.error(`${word} is no type that weir uses`);
  return found;
}

function parseFlags(reader: TokenReader): readonly string[] {
  const flags = [reader.next()];
  while (reader.accept(",")) flags.push(reader.next());
  return flags;
}

interface Elements {
  readonly plain: NftSetElement[];
  readonly mapped: NftMapElement[];
  readonly verdicts: NftVerdictElement[];
}

function parseElements(
  reader: TokenReader,
  key: readonly NftDatatype[],
  data: readonly NftDatatype[] | "verdict" | null,
  interval: boolean,
): Elements {
  const result: Elements = { plain: [], mapped: [], verdicts: [] };
  if (!reader.accept("elements")) return result;
  reader.expect("=", "{");
  for (;;) {
    reader.skipLines();
    if (reader.accept("}")) return result;
    const parts = parseKey(reader, key, interval);
    if (reader.accept("counter")) skipCounter(reader);
    const comment = reader.accept("comment") ? reader.next().slice(1, -1) : null;
    if (data === null) {
      result.plain.push({ key: parts, comment });
    } else {
      reader.expect(":");
      if (data === "verdict") result.verdicts.push({ key: parts, verdict: parseVerdict(reader), comment });
      else result.mapped.push({ key: parts, data: parseKey(reader, data, false) });
    }
    reader.skipLines();
    if (reader.accept(",")) continue;
    reader.expect("}");
    return result;
  }
}
