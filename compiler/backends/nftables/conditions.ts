import { hostPrefix } from "../../net/address.ts";
import { protocols } from "../../net/port.ts";
import { anything, type Condition, onePort } from "../condition.ts";
import { isPrefix, isRange } from "./order.ts";
import type { NftAtom, NftExpression, NftField, NftOperand, NftProgram, NftStatement, NftTable } from "./program.ts";

/** What rules and elements ask of packets: an element's parts stand for the fields that rules look it up with. */
export function nftablesConditions(program: NftProgram): readonly Condition[] {
  return program.tables.flatMap((table) => {
    const conditions: Condition[] = [];
    const looked = new Set<string>();
    const empty = anything(table.family === "ip" ? "ipv4" : "ipv6");
    const look = (key: NftExpression, name: string) => {
      const fields = fieldsOf(key);
      const use = `${name} ${fields.join(" ")}`;
      if (looked.has(use)) return;
      looked.add(use);
      for (const atoms of keysOf(table, name)) {
        conditions.push(atoms.reduce((before, atom, index) => withAtom(before, fields[index], atom), empty));
      }
    };
    for (const chain of table.chains) {
      for (const rule of chain.rules) {
        for (const statement of rule) {
          for (const [key, name] of lookupsIn(statement)) look(key, name);
          if (statement.kind === "match") conditions.push(...matchConditions(statement.left, statement.right, empty));
        }
      }
    }
    return conditions;
  });
}

function keysOf(table: NftTable, name: string): readonly (readonly NftAtom[])[] {
  const set = table.sets.find((each) => each.name === name);
  return set === undefined || set.kind === "dynamic-map" ? [] : set.elements.map(({ key }) => key);
}

/** null for parts that are no field of the packet. */
function fieldsOf(key: NftExpression): readonly (NftField | null)[] {
  if (key.kind === "concat") return key.parts.flatMap(fieldsOf);
  return [key.kind === "field" ? key.field : null];
}

type Lookup = readonly [key: NftExpression, name: string];

function lookupsIn(statement: NftStatement): readonly Lookup[] {
  switch (statement.kind) {
    case "match":
      return [
        ...lookupsOf(statement.left),
        ...(statement.right.kind === "set" ? [[statement.left, statement.right.name] as const] : []),
      ];
    case "assign":
      return lookupsOf(statement.value);
    case "dispatch":
      return [...lookupsOf(statement.key), [statement.key, statement.map]];
    case "update":
    case "delete":
      return [...lookupsOf(statement.key), ...lookupsOf(statement.data)];
    case "dnat":
      return lookupsOf(statement.to);
    case "masquerade":
    case "reject":
    case "verdict":
      return [];
  }
}

function lookupsOf(expression: NftExpression): readonly Lookup[] {
  switch (expression.kind) {
    case "concat":
      return expression.parts.flatMap(lookupsOf);
    case "lookup":
      return [...lookupsOf(expression.key), [expression.key, expression.map]];
    case "hash":
      return lookupsOf(expression.of);
    default:
      return [];
  }
}

function matchConditions(left: NftExpression, right: NftOperand, empty: Condition): readonly Condition[] {
  if (left.kind !== "field") return [];
  switch (right.kind) {
    case "prefix":
      return [withAtom(empty, left.field, right.prefix)];
    case "number":
      return left.field === "dport" ? [{ ...empty, ports: onePort(right.value) }] : [];
    case "interface":
      return [{ ...empty, inputInterface: { name: right.name, isPrefix: right.isPrefix } }];
    default:
      return [];
  }
}

function withAtom(condition: Condition, field: NftField | null | undefined, atom: NftAtom): Condition {
  switch (field) {
    case "saddr":
      return { ...condition, source: prefixOfAtom(atom) };
    case "daddr":
      return { ...condition, destination: prefixOfAtom(atom) };
    case "l4proto":
      return { ...condition, protocol: protocols.find((protocol) => protocol === atom) ?? null };
    case "dport":
      if (typeof atom === "number") return { ...condition, ports: onePort(atom) };
      return isRange(atom) ? { ...condition, ports: atom } : condition;
    default:
      return condition;
  }
}

function prefixOfAtom(atom: NftAtom): Condition["source"] {
  if (isRange(atom) || typeof atom !== "object") return null;
  return isPrefix(atom) ? atom : hostPrefix(atom);
}
