import grammar from "../../grammar/service.generated.ts";

/** Numbers that decide what is generated; 0 for ever once they are used up, so that texts end. */
export interface Tape {
  take(below: number): number;
}

export function tapeOf(numbers: readonly number[]): Tape {
  let at = 0;
  return { take: (below) => (numbers[at++] ?? 0) % below };
}

/** Values for the terminals of a rule that is made of values. */
const samples: Readonly<Record<string, readonly string[]>> = {
  address: ["10.0.0.1", "10.244.1.5", "2001:db8::5", "fd00::"],
  address_or_list: ["10.0.0.1", "192.0.2.77", "fd00:10:96::10", "hosts"],
  range_or_list: ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "corp"],
  list_name: ["spare"],
  service_name: ["shop/web", "a.b/c_d", "default/cluster"],
  service_pattern: ["shop/*", "*/web", "a-b/c"],
  address_and_port: ["10.0.0.1:80", "[2001:db8::1]:443"],
  target_name: ["shop/web", "shop/web:http", "10.0.0.1", "2001:db8::1"],
  code: ["spec/no-address", "spec/rr-ignores-weights"],
  scheduler: ["rr", "sh", "mh"],
  port_range: ["30000-32767", "1000-1000"],
  number: ["0", "7", "31"],
  port_number: ["80", "65535"],
  percent: ["50%", "33.3%"],
  duration: ["30s", "5m", "3h"],
  netmask_lengths: ["24", "24/64"],
  node_name: ["worker-1", "10", '"weight"', "local", "ip-10-0-0-1.example"],
  zone_name: ["eu-a", "7", '"zone"'],
  port_name: ["http", "tcp", '"port"', '"80"'],
  interface_name: ["cni0", '"any"'],
  file_pattern: ['"a b/*.weir"', '"x.yaml"'],
};

function sampleOf(rule: string, tape: Tape): string {
  const known = samples[rule];
  if (known === undefined) throw new Error(`no sample for ${rule}`);
  return known[tape.take(known.length)] ?? "";
}

/** The tokens of a line that the grammar derives from `symbol`. */
export function randomTokens(symbol: string, tape: Tape, depth = 0): readonly string[] {
  const rules = grammar.ParserRules.filter((rule) => rule.name === symbol);
  if (samples[symbol] !== undefined) return [sampleOf(symbol, tape)];
  // The first alternative of a list is its shortest, so that deep derivations end.
  const rule = rules[depth > 12 ? 0 : tape.take(rules.length)];
  if (rule === undefined) throw new Error(`no rule for ${symbol}`);
  return rule.symbols.flatMap((part) => {
    if (typeof part === "string") return randomTokens(part, tape, depth + 1);
    return "literal" in part ? [String(part.literal)] : [sampleOf(symbol, tape)];
  });
}

const gaps = [" ", "  ", "\t"];
const comments = ["", "", "", " # note", "   #x", "\t# a, b { } \" '"];
const endings = ["\n", "\n", "\r\n", "\n\n", "\n\n\n", "\n  # own line\n"];

function pick(from: readonly string[], tape: Tape): string {
  return from[tape.take(from.length)] ?? "";
}

/** The tokens with blanks between them, and now and then a line end and comments behind a comma. */
function laidOut(tokens: readonly string[], tape: Tape): string {
  let text = "";
  tokens.forEach((token, at) => {
    text += token;
    const next = tokens[at + 1];
    if (next === undefined) return;
    if (token === "," && tape.take(4) === 1) text += `${pick(comments, tape)}${pick(endings, tape)}`;
    else if (![",", ":"].includes(next) && next !== "=" && token !== "=") text += pick(gaps, tape);
  });
  return text;
}

function randomBlock(header: string, start: string, tape: Tape): string {
  let text = `${header}${pick(comments, tape)}${pick(endings, tape)}`;
  for (let lines = tape.take(6); lines > 0; lines--) {
    text += `${pick(["", "  ", "\t"], tape)}${laidOut(randomTokens(start, tape), tape)}${pick(comments, tape)}${pick(endings, tape)}`;
  }
  return `${text}}${pick(comments, tape)}${pick(endings, tape)}`;
}

/** A file that the grammar accepts; what it means may still be wrong. */
export function randomFile(tape: Tape): string {
  let text = `let corp = 192.0.2.0/24\nlet hosts = 192.0.2.1\n${pick(["", "# head\n", "\n\n"], tape)}`;
  for (let count = 1 + tape.take(4); count > 0; count--) {
    switch (tape.take(4)) {
      case 0:
        text += randomBlock(`service ${pick(samples.service_name ?? [], tape)} {`, "service_line", tape);
        break;
      case 1:
        text += randomBlock("cluster {", "cluster_line", tape);
        break;
      case 2:
        text += randomBlock(`node ${pick(samples.node_name ?? [], tape)} {`, "node_line", tape);
        break;
      default:
        text += simpleDeclaration(tape);
    }
  }
  return text;
}

function simpleDeclaration(tape: Tape): string {
  const tokens = randomTokens("declaration", tape);
  return tokens.includes("{") ? "" : `${laidOut(tokens, tape)}${pick(comments, tape)}${pick(endings, tape)}`;
}
