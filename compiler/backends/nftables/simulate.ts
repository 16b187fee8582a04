import { addressFromBits, type IpAddress, prefixContains } from "../../net/address.ts";
import { type Fraction, fraction, multiply, one } from "../../net/fraction.ts";
import { assert, InternalError, unreachable } from "../../result.ts";
import type { Packet } from "../packet.ts";
import {
  type Branch,
  type End,
  type Flow,
  firstPacket,
  isFromNode,
  isLocal,
  type Surroundings,
} from "../simulation.ts";
import type {
  NftBaseChain,
  NftChain,
  NftExpression,
  NftField,
  NftOperand,
  NftProgram,
  NftRule,
  NftStatement,
  NftTable,
  NftVerdict,
} from "./program.ts";
import { aliveData, keyText, type NftMemory, type NftValue, SetIndex, valueText } from "./simulate-sets.ts";

/** A rule that took effect: its last statement was reached. */
export interface NftPlace {
  readonly family: NftTable["family"];
  readonly chain: string;
  readonly rule: NftRule;
  /** The element of a verdict map that sent the packet on. */
  readonly element: NftElementPlace | null;
}

/** `text`: `frontends 10.96.0.1 . tcp . 80`; `key`: the service port of its comment. */
export interface NftElementPlace {
  readonly text: string;
  readonly key: string | null;
}

export type NftBranch = Branch<NftPlace, NftMemory>;

interface State {
  readonly packet: Packet;
  readonly flow: Flow;
  readonly destination: IpAddress;
  readonly port: number;
  readonly mark: number;
  readonly priority: number;
  readonly isTranslated: boolean;
  readonly masquerade: boolean;
  readonly memory: NftMemory;
}

interface Walk {
  readonly share: Fraction;
  readonly state: State;
  readonly path: readonly NftPlace[];
  /** null while nothing has decided. */
  readonly verdict: "accept" | "drop" | "reject" | null;
}

/**
 * Follows the first packet of a connection through the base chains, all of type nat: prerouting, and postrouting when
 * it is not for the node then; output and postrouting for packets of the node. Tables of other owners are not there.
 * The kernel's rules are those of nf_tables_core.c and nf_nat_core.c; nft(8) has the words.
 */
export function simulateNftables(
  program: NftProgram,
  surroundings: Surroundings,
  packet: Packet,
  memory: NftMemory = new Map(),
  flow: Flow = firstPacket,
): readonly NftBranch[] {
  const family = packet.destination.family === "ipv4" ? "ip" : "ip6";
  const table = program.tables.find((each) => each.family === family);
  const { destination, port } = packet;
  const state: State = {
    packet,
    flow,
    destination,
    port,
    mark: surroundings.mark ?? 0,
    priority: 0,
    isTranslated: false,
    masquerade: false,
    memory,
  };
  const start: Walk = { share: one, state, path: [], verdict: null };
  if (table === undefined || flow.state !== "NEW") return [branchOf(start, surroundings)];
  return new Traveller(table, surroundings).follow(start).map((walk) => branchOf(walk, surroundings));
}

function branchOf({ share, state, path, verdict }: Walk, surroundings: Surroundings): NftBranch {
  const end = endOf(state, verdict);
  return { share, end, traces: tracesOf(state, end, surroundings), path, memory: state.memory };
}

/** A process of the node does not see marks, and for packets that it was sent to by translation nobody else does. */
function tracesOf(state: State, end: End, surroundings: Surroundings): NftBranch["traces"] {
  if (end.kind === "drop" || end.kind === "reject") return null;
  const isForProcess =
    end.kind === "translated" && isLocal(surroundings, state.destination) && !isFromNode(surroundings, state.packet);
  return isForProcess ? null : { mark: state.mark, classId: state.priority };
}

function endOf(state: State, verdict: Walk["verdict"]): End {
  if (verdict === "drop" || verdict === "reject") return { kind: verdict };
  // a packet that is masqueraded is not left alone, wherever it goes
  if (!state.isTranslated && !state.masquerade) return { kind: "pass" };
  return { kind: "translated", address: state.destination, port: state.port, masquerade: state.masquerade };
}

/** A value and how probable it is; null when the rule ends here without a match. */
interface Possible {
  readonly value: readonly NftValue[] | null;
  readonly share: Fraction;
}

/** What a statement leads to. */
interface Step {
  readonly walk: Walk;
  /** `next`: the next statement; `miss`: the rule ends; otherwise a verdict of chains. */
  readonly leads: "next" | "miss" | NftVerdict;
  readonly element: NftElementPlace | null;
}

interface Return {
  readonly chain: NftChain;
  readonly at: number;
}

/** What is looked up in a table, made once for many packets. */
interface TableIndex {
  readonly sets: SetIndex;
  readonly chains: ReadonlyMap<string, NftChain>;
  /** In the order in which the kernel calls them. */
  readonly hooks: ReadonlyMap<NftBaseChain["hook"], readonly NftBaseChain[]>;
}

const indexes = new WeakMap<NftTable, TableIndex>();

function indexOf(table: NftTable): TableIndex {
  const known = indexes.get(table);
  if (known !== undefined) return known;
  const bases = table.chains.filter((chain): chain is NftBaseChain => chain.kind === "base");
  const hooked = (hook: NftBaseChain["hook"]) =>
    bases.filter((chain) => chain.hook === hook).sort((a, b) => a.priority - b.priority);
  const index: TableIndex = {
    sets: new SetIndex(table),
    chains: new Map(table.chains.map((chain) => [chain.name, chain])),
    hooks: new Map(hooks.map((hook) => [hook, hooked(hook)])),
  };
  indexes.set(table, index);
  return index;
}

const hooks = ["prerouting", "output", "postrouting"] as const;

class Traveller {
  readonly #table: NftTable;
  readonly #surroundings: Surroundings;
  readonly #index: TableIndex;
  readonly #sets: SetIndex;

  constructor(table: NftTable, surroundings: Surroundings) {
    this.#table = table;
    this.#surroundings = surroundings;
    this.#index = indexOf(table);
    this.#sets = this.#index.sets;
  }

  follow(start: Walk): readonly Walk[] {
    if (isFromNode(this.#surroundings, start.state.packet)) {
      return this.#hook("output", start).flatMap((walk) => this.#hook("postrouting", walk));
    }
    return this.#hook("prerouting", start).flatMap((walk) =>
      isLocal(this.#surroundings, walk.state.destination) ? [walk] : this.#hook("postrouting", walk),
    );
  }

  #hook(hook: NftBaseChain["hook"], walk: Walk): readonly Walk[] {
    if (walk.verdict === "drop" || walk.verdict === "reject") return [walk];
    let current: readonly Walk[] = [{ ...walk, verdict: null }];
    for (const chain of this.#index.hooks.get(hook) ?? []) {
      current = current.flatMap((each) => (each.verdict === null ? this.#chain(chain, 0, [], each) : [each]));
    }
    return current;
  }

  #named(name: string): NftChain {
    const chain = this.#index.chains.get(name);
    if (chain === undefined) throw new InternalError(`there is no chain ${name}`);
    return chain;
  }

  /** From one rule of a chain to the end of the base chain. */
  #chain(chain: NftChain, at: number, returns: readonly Return[], walk: Walk): readonly Walk[] {
    assert(returns.length < 16, `chain ${chain.name} jumps too deep`);
    const rule = chain.rules[at];
    if (rule === undefined) return this.#back(returns, walk);
    return this.#rule(rule, walk).flatMap(({ walk: after, leads, element }) => {
      if (leads === "miss") return this.#chain(chain, at + 1, returns, after);
      const place = { family: this.#table.family, chain: chain.name, rule, element };
      const passed = { ...after, path: [...after.path, place] };
      if (passed.verdict !== null) return [passed];
      if (leads === "next") return this.#chain(chain, at + 1, returns, passed);
      switch (leads.kind) {
        case "drop":
          return [{ ...passed, verdict: "drop" as const }];
        case "return":
          return this.#back(returns, passed);
        case "jump":
          return this.#chain(this.#named(leads.chain), 0, [...returns, { chain, at: at + 1 }], passed);
        case "goto":
          return this.#chain(this.#named(leads.chain), 0, returns, passed);
        default:
          return unreachable(leads);
      }
    });
  }

  #back(returns: readonly Return[], walk: Walk): readonly Walk[] {
    const back = returns.at(-1);
    return back === undefined ? [walk] : this.#chain(back.chain, back.at, returns.slice(0, -1), walk);
  }

  /** Statements from left to right until one does not match or ends the evaluation. */
  #rule(rule: NftRule, walk: Walk): readonly Step[] {
    let steps: readonly Step[] = [{ walk, leads: "next", element: null }];
    for (const statement of rule) {
      steps = steps.flatMap((step) =>
        step.leads === "next" && step.walk.verdict === null ? this.#statement(statement, step.walk) : [step],
      );
    }
    return steps;
  }

  #statement(statement: NftStatement, walk: Walk): readonly Step[] {
    const next = (change: Partial<State> | null, share: Fraction, leads: Step["leads"] = "next"): Step => {
      if (change === null && share === one) return { walk, leads, element: null };
      const state = change === null ? walk.state : { ...walk.state, ...change };
      return { walk: { ...walk, share: multiply(walk.share, share), state }, leads, element: null };
    };
    const missed = (share: Fraction): Step => next(null, share, "miss");
    const ended = (verdict: "accept" | "drop" | "reject", change: Partial<State>, share = one): Step => {
      const step = next(change, share);
      return { ...step, walk: { ...step.walk, verdict } };
    };
    switch (statement.kind) {
      case "verdict":
        return [next(null, one, statement.verdict)];
      case "masquerade":
        return [ended("accept", { masquerade: true })];
      case "reject":
        return [ended("reject", {})];
      case "match":
        return this.#values(statement.left, walk.state).map(({ value, share }) =>
          value !== null && this.#holds(statement.left, value, statement.right, walk.state) !== statement.negated
            ? next(null, share)
            : missed(share),
        );
      case "assign":
        return this.#values(statement.value, walk.state).map(({ value, share }) => {
          const [number] = value ?? [];
          if (number === undefined) return missed(share);
          assert(typeof number === "number", `${valueText(number)} is no ${statement.field}`);
          return next({ [statement.field]: number }, share);
        });
      case "dispatch":
        return this.#values(statement.key, walk.state).map(({ value, share }) => {
          const found = value === null ? null : this.#sets.verdictOf(statement.map, value);
          if (value === null || found === null) return missed(share);
          const element = { text: `${statement.map} ${keyText(value)}`, key: found.comment };
          return { ...next(null, share, found.verdict), element };
        });
      case "dnat":
        return this.#values(statement.to, walk.state).map(({ value, share }) => {
          const [destination, port] = value ?? [];
          if (typeof destination !== "object" || typeof port !== "number") return missed(share);
          return ended("accept", { destination, port, isTranslated: true }, share);
        });
      case "update":
      case "delete":
        return this.#values(statement.key, walk.state).flatMap(({ value: key, share }) => {
          if (key === null) return [missed(share)];
          return this.#values(statement.data, walk.state).map(({ value: data, share: dataShare }) => {
            const memory = remembered(statement, key, data ?? [], walk.state);
            return next({ memory }, multiply(share, dataShare));
          });
        });
      default:
        return unreachable(statement);
    }
  }

  #holds(left: NftExpression, value: readonly NftValue[], right: NftOperand, state: State): boolean {
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

  /** What an expression may be, with the probability of each. */
  #values(expression: NftExpression, state: State): readonly Possible[] {
    switch (expression.kind) {
      case "field":
        return [{ value: [this.#field(expression.field, state)], share: one }];
      case "no-class":
        return [{ value: [0], share: one }];
      case "bits":
        return [{ value: [bitsOf(this.#field(expression.field, state), expression)], share: one }];
      case "random": {
        const share = fraction(1, expression.modulus);
        return Array.from({ length: expression.modulus }, (_, at) => ({ value: [expression.offset + at], share }));
      }
      case "hash":
        // a number that depends on the client alone: as good as its own name
        return this.#values(expression.of, state).map(({ value, share }) => ({
          value: value === null ? null : [`jhash ${expression.seed} ${keyText(value)}`],
          share,
        }));
      case "concat":
        return expression.parts.reduce<readonly Possible[]>(
          (before, part) => before.flatMap((left) => this.#values(part, state).map((right) => joined(left, right))),
          [{ value: [], share: one }],
        );
      case "lookup": {
        const { key } = expression;
        const spread = key.kind === "random" ? this.#sets.spreadOf(expression.map, key.offset, key.modulus) : null;
        if (key.kind === "random" && spread !== null) {
          return spread.map(({ data, count }) => ({ value: data, share: fraction(count, key.modulus) }));
        }
        return this.#values(key, state).map(({ value, share }) => ({
          value:
            value === null ? null : this.#sets.dataOf(expression.map, value, state.memory, state.flow.secondsLater),
          share,
        }));
      }
      default:
        return unreachable(expression);
    }
  }

  #field(name: NftField, state: State): NftValue {
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

/** `update` adds an entry or renews its time and keeps its data; `delete` removes it. */
function remembered(
  { kind, map, timeoutSeconds }: NftStatement & { readonly kind: "update" | "delete" },
  key: readonly NftValue[],
  data: readonly NftValue[],
  { memory: before, flow }: State,
): NftMemory {
  const name = `${map} ${keyText(key)}`;
  const memory = new Map(before);
  if (kind === "delete") memory.delete(name);
  else memory.set(name, { data: aliveData(memory.get(name), flow.secondsLater) ?? data, timeoutSeconds });
  return memory;
}
