import grammar from "../../grammar/service.generated.ts";

type Rule = (typeof grammar.ParserRules)[number];
type Symbols = readonly Rule["symbols"][number][];

const widest = 108;

function isName(symbol: Symbols[number] | undefined): symbol is string {
  return typeof symbol === "string";
}

/** A rule that nearley made of `x:?`. */
function optional(name: string): string | null {
  if (!name.includes("$ebnf$")) return null;
  const rule = grammar.ParserRules.find((candidate) => candidate.name === name && candidate.symbols.length === 1);
  return rule === undefined ? null : `[ ${write(rule.symbols)} ]`;
}

function writeSymbol(symbol: Symbols[number]): string {
  if (isName(symbol)) return optional(symbol) ?? symbol;
  return "literal" in symbol ? JSON.stringify(symbol.literal) : "";
}

function write(symbols: Symbols): string {
  return symbols.map(writeSymbol).join(" ");
}

function isValue(rules: readonly Rule[]): boolean {
  return rules.every(({ symbols: [symbol] }) => typeof symbol === "object" && !("literal" in symbol));
}

/** `xs = x { "," x }` for the two rules of a list; null for other rules. */
function listOf(name: string, rules: readonly Rule[]): string | null {
  const [base, more] = rules;
  if (rules.length !== 2 || base === undefined || more?.symbols[0] !== name) return null;
  const rest = `{ ${write(more.symbols.slice(1))} }`;
  return base.symbols.length === 0 ? rest : `${write(base.symbols)} ${rest}`;
}

function writeRules(name: string, rules: readonly Rule[]): string {
  const list = listOf(name, rules);
  const alternatives = list === null ? rules.map((rule) => write(rule.symbols)) : [list];
  const whole = `${name} = ${alternatives.join(" | ")}`;
  return whole.length <= widest ? whole : `${name} =\n    ${alternatives.join("\n  | ")}`;
}

/** The grammar as the reference page shows it: without what nearley adds, and without the values. */
export function grammarPage(): string {
  const names = [...new Set(grammar.ParserRules.map((rule) => rule.name))].filter((name) => !name.includes("$"));
  const lines = names.flatMap((name) => {
    const rules = grammar.ParserRules.filter((rule) => rule.name === name);
    return isValue(rules) ? [] : [writeRules(name, rules)];
  });
  return `${lines.join("\n")}\n`;
}
