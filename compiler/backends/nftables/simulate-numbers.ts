import type { NftExpression, NftField, NftStatement } from "./program.ts";
import { keyText, type NftValue, type SetIndex } from "./simulate-sets.ts";
import { fieldOf, type State } from "./simulate-values.ts";

/** What a statement makes of a random number: numbers with the same text fare alike. */
type Sign = (number: number) => string;

interface Grouped {
  readonly numbers: readonly number[];
  readonly context: string;
  readonly groups: readonly (readonly number[])[];
}

/**
 * Random numbers that a packet carries in its priority. A pool of weights has hundreds of them, of which most lead to
 * the same endpoint, so they go on together for as long as no statement tells them apart.
 */
export class RandomNumbers {
  readonly #sets: SetIndex;
  readonly #numbers = new WeakMap<NftExpression, readonly number[]>();
  readonly #asking = new WeakMap<NftStatement, boolean>();
  /** The last answer of each statement: packets for one frontend come one after the other. */
  readonly #last = new WeakMap<NftStatement, Grouped>();

  constructor(sets: SetIndex) {
    this.#sets = sets;
  }

  /** All that `random` may give, in one list for all packets. */
  of(random: NftExpression & { readonly kind: "random" }): readonly number[] {
    const { offset, modulus } = random;
    const known = this.#numbers.get(random) ?? Array.from({ length: modulus }, (_, at) => offset + at);
    this.#numbers.set(random, known);
    return known;
  }

  /** The numbers of a packet in groups that the statement cannot tell apart; null where it does not look at them. */
  groups(statement: NftStatement, state: State): readonly (readonly number[])[] | null {
    const { numbers } = state;
    if (numbers === null || !this.#asks(statement)) return null;
    const lookup = lookupOf(statement);
    const key = lookup === null ? [] : lookup.fields.map((field) => fieldOf(field, state));
    const at = lookup === null ? -1 : lookup.fields.indexOf("priority");
    const context = keyText(key.filter((_, index) => index !== at));
    const last = this.#last.get(statement);
    if (last?.numbers === numbers && last.context === context) return last.groups;
    const sign: Sign =
      lookup === null ? signOf(statement) : (number) => this.#dataText(lookup.map, key.with(at, number), state);
    const groups = new Map<string, number[]>();
    for (const number of numbers) {
      const text = sign(number);
      const group = groups.get(text);
      if (group === undefined) groups.set(text, [number]);
      else group.push(number);
    }
    const grouped = { numbers, context, groups: [...groups.values()] };
    this.#last.set(statement, grouped);
    return grouped.groups;
  }

  #asks(statement: NftStatement): boolean {
    const known = this.#asking.get(statement) ?? expressionsOf(statement).some(mentions);
    this.#asking.set(statement, known);
    return known;
  }

  #dataText(map: string, key: readonly NftValue[], { memory }: State): string {
    const data = this.#sets.dataOf(map, key, memory);
    return data === null ? "nothing" : keyText(data);
  }
}

/** A lookup of fields alone, which the statement does nothing with but to take its data; null for other statements. */
function lookupOf(statement: NftStatement): { readonly map: string; readonly fields: readonly NftField[] } | null {
  const expression = statement.kind === "dnat" ? statement.to : statement.kind === "assign" ? statement.value : null;
  if (expression?.kind !== "lookup") return null;
  const parts = expression.key.kind === "concat" ? expression.key.parts : [expression.key];
  const fields = parts.flatMap((part) => (part.kind === "field" ? [part.field] : []));
  return fields.length === parts.length ? { map: expression.map, fields } : null;
}

/** Tests of ranges divide the numbers in two; whatever else asks for them tells each from all others. */
function signOf(statement: NftStatement): Sign {
  if (statement.kind === "match" && statement.left.kind === "field" && statement.right.kind === "class-range") {
    const { first, last } = statement.right;
    return (number) => String(first <= number && number <= last);
  }
  return String;
}

function expressionsOf(statement: NftStatement): readonly NftExpression[] {
  switch (statement.kind) {
    case "match":
      return [statement.left];
    case "assign":
      return [statement.value];
    case "dispatch":
      return [statement.key];
    case "dnat":
      return [statement.to];
    case "update":
    case "delete":
      return [statement.key, statement.data];
    case "masquerade":
    case "reject":
    case "verdict":
      return [];
  }
}

function mentions(expression: NftExpression): boolean {
  switch (expression.kind) {
    case "field":
    case "bits":
      return expression.field === "priority";
    case "concat":
      return expression.parts.some(mentions);
    case "hash":
      return mentions(expression.of);
    case "lookup":
      return mentions(expression.key);
    case "random":
    case "no-class":
      return false;
  }
}
