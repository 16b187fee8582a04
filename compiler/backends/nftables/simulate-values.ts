import { addressFromBits, type IpAddress, prefixContains } from "../../net/address.ts";
import { type Fraction, fraction, multiply, one } from "../../net/fraction.ts";
import { assert, unreachable } from "../../result.ts";
import type { Packet } from "../packet.ts";
import { type Flow, isLocal, type Surroundings } from "../simulation.ts";
import type { NftExpression, NftField, NftOperand } from "./program.ts";
import { keyText, type NftMemory, type NftValue, type SetIndex } from "./simulate-sets.ts";

/** The packet on its way. */
export interface State {
  readonly packet: Packet;
  readonly flow: Flow;
  readonly destination: IpAddress;
  readonly port: number;
  readonly mark: number;
  readonly priority: number;
  /** What the priority may be, each as likely as the others, as long as they fare alike; null when it is known. */
  readonly numbers: readonly number[] | null;
  readonly isTranslated: boolean;
  readonly masquerade: boolean;
  readonly memory: NftMemory;
}

/** A value and how probable it is; null when the rule ends here without a match. */
export interface Possible {
  readonly value: readonly NftValue[] | null;
  readonly share: Fraction;
}

/** What rules ask of a packet on its way. */
export class Expressions {
  readonly #sets: SetIndex;
  readonly #surroundings: Surroundings;

  constructor(sets: SetIndex, surroundings: Surroundings) {
    this.#sets = sets;
    this.#surroundings = surroundings;
  }

  /** Whether a match holds for a value of its left side. */
  holds(left: NftExpression, value: readonly NftValue[], right: NftOperand, state: State): boolean {
    const [first] = value;
    switch (right.kind) {
      case "set":
        return this.#sets.has(right.name, value);
      case "protocols":
        return right.protocols.some((protocol) => protocol === first);
      case "prefix":
        return typeof first === "object" && prefixContains(right.prefix, first);
      case "number":
        return first === right.value;
      case "class-range":
        return typeof first === "number" && right.first <= first && first <= right.last;
      case "interface":
        return typeof first === "string" && (right.isPrefix ? first.startsWith(right.name) : first === right.name);
      case "local":
        assert(left.kind === "field", "only a field has an address type");
        return isLocal(this.#surroundings, left.field === "saddr-type" ? state.packet.source : state.destination);
      case "dnat":
        return state.isTranslated;
      default:
        return unreachable(right);
    }
  }

  /** What an expression of fields is; null for others. */
  #plain(expression: NftExpression, state: State): readonly NftValue[] | null {
    if (expression.kind === "field") return [fieldOf(expression.field, state)];
    if (expression.kind !== "concat") return null;
    const values: NftValue[] = [];
    for (const part of expression.parts) {
      if (part.kind !== "field") return null;
      values.push(fieldOf(part.field, state));
    }
    return values;
  }

  /** What an expression may be, with the probability of each. */
  values(expression: NftExpression, state: State): readonly Possible[] {
    const plain = this.#plain(expression, state);
    if (plain !== null) return [{ value: plain, share: one }];
    switch (expression.kind) {
      case "field":
        return [{ value: [fieldOf(expression.field, state)], share: one }];
      case "no-class":
        return [{ value: [0], share: one }];
      case "bits":
        return [{ value: [bitsOf(fieldOf(expression.field, state), expression)], share: one }];
      case "random": {
        const share = fraction(1, expression.modulus);
        return Array.from({ length: expression.modulus }, (_, at) => ({ value: [expression.offset + at], share }));
      }
      case "hash":
        // a number that depends on the client alone: as good as its own name
        return this.values(expression.of, state).map(({ value, share }) => ({
          value: value === null ? null : [`jhash ${expression.seed} ${keyText(value)}`],
          share,
        }));
      case "concat":
        return expression.parts.reduce<readonly Possible[]>(
          (before, part) => before.flatMap((left) => this.values(part, state).map((right) => joined(left, right))),
          [{ value: [], share: one }],
        );
      case "lookup": {
        const { key } = expression;
        const spread = key.kind === "random" ? this.#sets.spreadOf(expression.map, key.offset, key.modulus) : null;
        if (key.kind === "random" && spread !== null) {
          return spread.map(({ data, count }) => ({ value: data, share: fraction(count, key.modulus) }));
        }
        return this.values(key, state).map(({ value, share }) => ({
          value: value === null ? null : this.#sets.dataOf(expression.map, value, state.memory),
          share,
        }));
      }
      default:
        return unreachable(expression);
    }
  }
}

/** A field as rules read it now. */
export function fieldOf(name: NftField, state: State): NftValue {
  const { packet } = state;
  switch (name) {
    case "saddr":
      return packet.source;
    case "daddr":
      return state.destination;
    case "l4proto":
      return state.flow.isIcmp ? "icmp" : packet.protocol;
    case "dport":
      // of ICMP these bytes are its checksum, which is no port of anything
      return state.flow.isIcmp ? 0 : state.port;
    case "mark":
      return state.mark;
    case "priority":
      return state.priority;
    case "iifname":
      return packet.inputInterface ?? "";
    case "saddr-type":
    case "daddr-type":
    case "ct-status":
      // asked for in a match only, which looks at the packet itself
      return name;
    default:
      return unreachable(name);
  }
}

function joined(left: Possible, right: Possible): Possible {
  const value = left.value === null || right.value === null ? null : [...left.value, ...right.value];
  return { value, share: multiply(left.share, right.share) };
}

function bitsOf(value: NftValue, { operator, value: operand }: NftExpression & { readonly kind: "bits" }): NftValue {
  if (typeof value === "number" && typeof operand === "number") {
    const result = operator === "&" ? value & operand : operator === "|" ? value | operand : value ^ operand;
    return result >>> 0;
  }
  assert(typeof value === "object" && typeof operand === "object", "bits of an address need an address");
  const { family, bits } = value;
  const result = operator === "&" ? bits & operand.bits : operator === "|" ? bits | operand.bits : bits ^ operand.bits;
  return addressFromBits(family, result);
}
