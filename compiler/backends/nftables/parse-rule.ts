import { addressAtom, classAtom, numberAtom, parseDuration, prefixAtom, protocolAtom } from "./parse-atoms.ts";
import type { NftExpression, NftField, NftOperand, NftRule, NftStatement, NftVerdict } from "./program.ts";
import type { TokenReader } from "./tokens.ts";

/** One rule, up to the end of its line, a semicolon or the chain's closing brace. */
export function parseRule(reader: TokenReader): NftRule {
  const statements: NftStatement[] = [];
  for (;;) {
    const token = reader.peek();
    if (token === "\n" || token === ";" || token === "}" || token === "") return statements;
    if (reader.accept("counter")) skipCounter(reader);
    else statements.push(parseStatement(reader));
  }
}

/** State of the kernel: `counter packets 1 bytes 60`. */
export function skipCounter(reader: TokenReader): void {
  if (!reader.accept("packets")) return;
  reader.next();
  reader.expect("bytes");
  reader.next();
}

function parseStatement(reader: TokenReader): NftStatement {
  const token = reader.peek();
  switch (token) {
    case "drop":
    case "return":
    case "jump":
    case "goto":
      return { kind: "verdict", verdict: parseVerdict(reader) };
    case "reject":
      return parseReject(reader);
    case "masquerade":
      reader.expect("masquerade", "fully-random");
      return { kind: "masquerade" };
    case "dnat": {
      reader.next();
      if (!reader.accept("to")) reader.expect(reader.family, "to");
      return { kind: "dnat", to: parseExpression(reader) };
    }
    case "update":
    case "delete":
      return parseSetStatement(reader, token);
    default:
      return parseMatch(reader);
  }
}

export function parseVerdict(reader: TokenReader): NftVerdict {
  const kind = reader.next();
  if (kind === "drop" || kind === "return") return { kind };
  if (kind === "jump" || kind === "goto") return { kind, chain: reader.next() };
  throw reader.error(`expected a verdict, found ${kind || "end of file"}`);
}

/** Port-unreachable is the default of both families, with or without being named. */
function parseReject(reader: TokenReader): NftStatement {
  reader.expect("reject");
  if (reader.accept("with")) {
    reader.expect(reader.family === "ip" ? "icmp" : "icmpv6");
    reader.accept("type");
    reader.expect("port-unreachable");
  }
  return { kind: "reject" };
}

function parseSetStatement(reader: TokenReader, kind: "update" | "delete"): NftStatement {
  reader.next();
  const map = parseReference(reader);
  reader.expect("{");
  const key = parseExpression(reader);
  reader.expect("timeout");
  const timeoutSeconds = parseDuration(reader);
  reader.expect(":");
  const data = parseExpression(reader);
  reader.expect("}");
  return { kind, map, key, timeoutSeconds, data };
}

function parseReference(reader: TokenReader): string {
  const token = reader.next();
  if (!token.startsWith("@")) throw reader.error(`expected a set, found ${token || "end of file"}`);
  return token.slice(1);
}

function parseMatch(reader: TokenReader): NftStatement {
  const left = parseExpression(reader);
  if (left.kind === "field" && (left.field === "mark" || left.field === "priority") && reader.accept("set")) {
    return { kind: "assign", field: left.field, value: parseExpression(reader) };
  }
  if (reader.accept("vmap")) return { kind: "dispatch", key: left, map: parseReference(reader) };
  const negated = reader.accept("!=");
  if (!negated) reader.accept("==");
  return { kind: "match", left, negated, right: parseOperand(reader, left) };
}

function parseOperand(reader: TokenReader, left: NftExpression): NftOperand {
  if (reader.peek().startsWith("@")) return { kind: "set", name: parseReference(reader) };
  if (left.kind === "bits") return { kind: "number", value: numberAtom(reader, reader.next()) };
  if (left.kind !== "field") throw reader.error(`expected a set, found ${reader.peek()}`);
  switch (left.field) {
    case "saddr":
    case "daddr":
      return { kind: "prefix", prefix: prefixAtom(reader, reader.next()) };
    case "l4proto":
      return parseProtocols(reader);
    case "priority": {
      const [first = "", last = ""] = reader.next().split("-");
      return { kind: "class-range", first: classAtom(reader, first), last: classAtom(reader, last) };
    }
    case "iifname":
      return parseInterface(reader);
    case "saddr-type":
    case "daddr-type":
      reader.expect("local");
      return { kind: "local" };
    case "ct-status":
      reader.expect("dnat");
      return { kind: "dnat" };
    default:
      return { kind: "number", value: numberAtom(reader, reader.next()) };
  }
}

function parseProtocols(reader: TokenReader): NftOperand {
  reader.expect("{");
  const found = [protocolAtom(reader, reader.next())];
  while (reader.accept(",")) found.push(protocolAtom(reader, reader.next()));
  reader.expect("}");
  return { kind: "protocols", protocols: found };
}

function parseInterface(reader: TokenReader): NftOperand {
  const token = reader.next();
  const match = /^"([^"*\\]+)(\*?)"$/.exec(token);
  if (match === null) throw reader.error(`expected an interface name, found ${token || "end of file"}`);
  return { kind: "interface", name: match[1] ?? "", isPrefix: match[2] === "*" };
}

function parseExpression(reader: TokenReader): NftExpression {
  const key = parseConcat(reader);
  return reader.accept("map") ? { kind: "lookup", key, map: parseReference(reader) } : key;
}

function parseConcat(reader: TokenReader): NftExpression {
  const first = parseOperation(reader);
  if (reader.peek() !== ".") return first;
  const parts = [first];
  while (reader.accept(".")) parts.push(parseOperation(reader));
  return { kind: "concat", parts };
}

function parseOperation(reader: TokenReader): NftExpression {
  const primary = parsePrimary(reader);
  if (primary.kind !== "field") return primary;
  const operator = reader.peek();
  if (operator !== "&" && operator !== "|" && operator !== "^") return primary;
  reader.next();
  const { field } = primary;
  const text = reader.next();
  const value = field === "saddr" || field === "daddr" ? addressAtom(reader, text) : numberAtom(reader, text);
  return { kind: "bits", field, operator, value };
}

function parsePrimary(reader: TokenReader): NftExpression {
  if (reader.accept("none")) return { kind: "no-class" };
  if (reader.accept("numgen")) {
    reader.expect("random", "mod");
    const modulus = numberAtom(reader, reader.next());
    return { kind: "random", modulus, offset: reader.accept("offset") ? numberAtom(reader, reader.next()) : 0 };
  }
  if (reader.accept("jhash")) {
    const of = parseConcat(reader);
    reader.expect("mod");
    const modulus = numberAtom(reader, reader.next());
    reader.expect("seed");
    return { kind: "hash", of, modulus, seed: numberAtom(reader, reader.next()) };
  }
  return { kind: "field", field: parseField(reader) };
}

/** Fields by their words, as printField of print-rule.ts writes them; a family's words are for its own tables only. */
const fieldWords: Readonly<Record<string, Readonly<Record<string, NftField>>>> = {
  ip: { saddr: "saddr", daddr: "daddr" },
  ip6: { saddr: "saddr", daddr: "daddr" },
  meta: { l4proto: "l4proto", mark: "mark", priority: "priority", iifname: "iifname" },
  th: { dport: "dport" },
  ct: { status: "ct-status" },
  fib: { saddr: "saddr-type", daddr: "daddr-type" },
};

function parseField(reader: TokenReader): NftField {
  const word = reader.next();
  if (word === "iifname") return "iifname";
  const words = Object.hasOwn(fieldWords, word) ? fieldWords[word] : undefined;
  if (words === undefined || ((word === "ip" || word === "ip6") && word !== reader.family))
    throw reader.error(`unexpected ${word === "\n" ? "end of line" : word || "end of file"}`);
  const second = reader.next();
  const field = Object.hasOwn(words, second) ? words[second] : undefined;
  if (field === undefined) throw reader.error(`${word} ${second} is no field that weir uses`);
  if (word === "fib") reader.expect("type");
  return field;
}
