import { isHostPrefix, type Prefix } from "../../net/address.ts";
import { unreachable } from "../../result.ts";
import type {
  NftDatatype,
  NftExpression,
  NftFamily,
  NftField,
  NftOperand,
  NftRule,
  NftStatement,
  NftVerdict,
} from "./program.ts";

/** One rule in nft's language, spelled as `nft list` of 1.0.6 spells it. */
export function printRule(rule: NftRule, family: NftFamily): string {
  return rule.map((statement) => printStatement(statement, family)).join(" ");
}

function printStatement(statement: NftStatement, family: NftFamily): string {
  switch (statement.kind) {
    case "match": {
      const left = printExpression(statement.left, family);
      return `${left} ${statement.negated ? "!= " : ""}${printOperand(statement.right)}`;
    }
    case "assign":
      return `meta ${statement.field} set ${printExpression(statement.value, family)}`;
    case "dispatch":
      return `${printExpression(statement.key, family)} vmap @${statement.map}`;
    case "update":
    case "delete": {
      const key = printExpression(statement.key, family);
      const data = printExpression(statement.data, family);
      return `${statement.kind} @${statement.map} { ${key} timeout ${printDuration(statement.timeoutSeconds)} : ${data} }`;
    }
    case "dnat":
      return `dnat ${family} to ${printExpression(statement.to, family)}`;
    case "masquerade":
      return "masquerade fully-random";
    case "reject":
      return "reject";
    case "verdict":
      return printVerdict(statement.verdict);
    default:
      return unreachable(statement);
  }
}

export function printVerdict(verdict: NftVerdict): string {
  return verdict.kind === "jump" || verdict.kind === "goto" ? `${verdict.kind} ${verdict.chain}` : verdict.kind;
}

function printExpression(expression: NftExpression, family: NftFamily): string {
  switch (expression.kind) {
    case "field":
      return printField(expression.field, family);
    case "bits": {
      const value = typeof expression.value === "number" ? printMark(expression.value) : expression.value.text;
      return `${printField(expression.field, family)} ${expression.operator} ${value}`;
    }
    case "concat":
      return expression.parts.map((part) => printExpression(part, family)).join(" . ");
    case "no-class":
      return "none";
    case "random": {
      const offset = expression.offset === 0 ? "" : ` offset ${expression.offset}`;
      return `numgen random mod ${expression.modulus}${offset}`;
    }
    case "hash": {
      const seed = `seed 0x${expression.seed.toString(16)}`;
      return `jhash ${printExpression(expression.of, family)} mod ${expression.modulus} ${seed}`;
    }
    case "lookup":
      return `${printExpression(expression.key, family)} map @${expression.map}`;
    default:
      return unreachable(expression);
  }
}

export function printField(field: NftField, family: NftFamily): string {
  switch (field) {
    case "saddr":
    case "daddr":
      return `${family} ${field}`;
    case "l4proto":
    case "mark":
    case "priority":
      return `meta ${field}`;
    case "dport":
      return "th dport";
    case "iifname":
      return "iifname";
    case "saddr-type":
      return "fib saddr type";
    case "daddr-type":
      return "fib daddr type";
    case "ct-status":
      return "ct status";
    default:
      return unreachable(field);
  }
}

function printOperand(operand: NftOperand): string {
  switch (operand.kind) {
    case "set":
      return `@${operand.name}`;
    case "protocols":
      return `{ ${operand.protocols.join(", ")} }`;
    case "prefix":
      return printPrefix(operand.prefix);
    case "number":
      return printMark(operand.value);
    case "class-range":
      return `${printClass(operand.first)}-${printClass(operand.last)}`;
    case "interface":
      // Interface names are checked in limits.ts; nft has no escape for a quote.
      return `"${operand.name}${operand.isPrefix ? "*" : ""}"`;
    case "local":
      return "local";
    case "dnat":
      return "dnat";
    default:
      return unreachable(operand);
  }
}

export function printPrefix(prefix: Prefix): string {
  return isHostPrefix(prefix) ? prefix.address.text : prefix.text;
}

/** `5700:1f`, as tc and nft write handles. Never 0 or 0xffffffff, which have names. */
export function printClass(value: number): string {
  return `${Math.floor(value / 0x10000).toString(16)}:${(value % 0x10000).toString(16)}`;
}

function printMark(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}

/** `10800s` is `3h` in the kernel's listing: days, hours, minutes and seconds that are not zero. */
function printDuration(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 86400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ] as const;
  const text = parts.map(([count, unit]) => (count === 0 ? "" : `${count}${unit}`)).join("");
  return text === "" ? "0s" : text;
}

/** How `typeof` names a type, by a field that has it; meta length is the plainest 32-bit integer that nft lists well. */
export const typeofSpelling: Readonly<Record<NftDatatype, string>> = {
  ipv4_addr: "ip daddr",
  ipv6_addr: "ip6 daddr",
  inet_proto: "meta l4proto",
  inet_service: "th dport",
  classid: "meta priority",
  integer: "meta length",
};
