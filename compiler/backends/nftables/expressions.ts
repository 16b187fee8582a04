import type { NftExpression, NftField, NftOperand, NftRule, NftStatement, NftVerdict } from "./program.ts";

/** Short constructors for the parts of rules, so that skeleton.ts reads like the rules it makes. */

export function field(name: NftField): NftExpression {
  return { kind: "field", field: name };
}

export function concat(...parts: readonly NftExpression[]): NftExpression {
  return { kind: "concat", parts };
}

export function lookup(key: NftExpression, map: string): NftExpression {
  return { kind: "lookup", key, map };
}

export function match(left: NftExpression, right: NftOperand): NftStatement {
  return { kind: "match", left, negated: false, right };
}

export function matchNot(left: NftExpression, right: NftOperand): NftStatement {
  return { kind: "match", left, negated: true, right };
}

export function inSet(name: string): NftOperand {
  return { kind: "set", name };
}

export function assign(to: "mark" | "priority", value: NftExpression): NftStatement {
  return { kind: "assign", field: to, value };
}

export function dispatch(key: NftExpression, map: string): NftStatement {
  return { kind: "dispatch", key, map };
}

export const drop: NftVerdict = { kind: "drop" };

export function verdict(value: NftVerdict): NftStatement {
  return { kind: "verdict", verdict: value };
}

export function jump(chain: string): NftStatement {
  return { kind: "verdict", verdict: { kind: "jump", chain } };
}

export function goTo(chain: string): NftStatement {
  return { kind: "verdict", verdict: { kind: "goto", chain } };
}

export function rule(...statements: readonly NftStatement[]): NftRule {
  return statements;
}
