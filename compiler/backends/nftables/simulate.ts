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
  placesOf,
  type Surroundings,
  type Trail,
} from "../simulation.ts";
import type { NftBaseChain, NftChain, NftProgram, NftRule, NftStatement, NftTable, NftVerdict } from "./program.ts";
import { RandomNumbers } from "./simulate-numbers.ts";
import { aged, keyText, type NftMemory, type NftValue, SetIndex, valueText } from "./simulate-sets.ts";
import { Expressions, type State } from "./simulate-values.ts";

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

interface Walk {
  readonly share: Fraction;
  readonly state: State;
  readonly trail: Trail<NftPlace> | null;
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
    numbers: null,
    isTranslated: false,
    masquerade: false,
    memory: aged(memory, flow.secondsLater),
  };
  const start: Walk = { share: one, state, trail: null, verdict: null };
  if (table === undefined || flow.state !== "NEW") return [branchOf(start, surroundings)];
  return new Traveller(table, surroundings).follow(start).map((walk) => branchOf(walk, surroundings));
}

function branchOf({ share, state, trail, verdict }: Walk, surroundings: Surroundings): NftBranch {
  const end = endOf(state, verdict);
  return { share, end, traces: tracesOf(state, end, surroundings), path: () => placesOf(trail), memory: state.memory };
}

/** A process of the node does not see marks, and for packets that it was sent to by translation nobody else does. */
function tracesOf(state: State, end: End, surroundings: Surroundings): NftBranch["traces"] {
  if (end.kind === "drop" || end.kind === "reject") return null;
  const isForProcess =
    end.kind === "translated" && isLocal(surroundings, state.destination) && !isFromNode(surroundings, state.packet);
  return isForProcess ? null : { mark: state.mark, classId: state.priority, isAccepted: false };
}

function endOf(state: State, verdict: Walk["verdict"]): End {
  if (verdict === "drop" || verdict === "reject") return { kind: verdict };
  // a packet that is masqueraded is not left alone, wherever it goes
  if (!state.isTranslated && !state.masquerade) return { kind: "pass" };
  return { kind: "translated", address: state.destination, port: state.port, masquerade: state.masquerade };
}

/** What a statement leads to. */
interface Step {
  readonly walk: Walk;
  /** `next`: the next statement; `miss`: the rule ends; otherwise a verdict of chains. */
  readonly leads: "next" | "miss" | NftVerdict;
  readonly element: NftElementPlace | null;
}

function next(walk: Walk, change: Partial<State> | null, share: Fraction): Step {
  if (change === null && share === one) return { walk, leads: "next", element: null };
  const state = change === null ? walk.state : { ...walk.state, ...change };
  const { trail, verdict } = walk;
  return { walk: { share: multiply(walk.share, share), state, trail, verdict }, leads: "next", element: null };
}

function missed(walk: Walk, share: Fraction): Step {
  return { walk: next(walk, null, share).walk, leads: "miss", element: null };
}

function ended(walk: Walk, verdict: "accept" | "reject", change: Partial<State> | null, share: Fraction): Step {
  return { walk: { ...next(walk, change, share).walk, verdict }, leads: "next", element: null };
}

interface Return {
  readonly chain: NftChain;
  readonly at: number;
}

/** What is looked up in a table, made once for many packets. */
interface TableIndex {
  readonly sets: SetIndex;
  readonly random: RandomNumbers;
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
  const sets = new SetIndex(table);
  const index: TableIndex = {
    sets,
    random: new RandomNumbers(sets),
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
  readonly #expressions: Expressions;
  readonly #random: RandomNumbers;

  constructor(table: NftTable, surroundings: Surroundings) {
    this.#table = table;
    this.#surroundings = surroundings;
    this.#index = indexOf(table);
    this.#sets = this.#index.sets;
    this.#expressions = new Expressions(this.#sets, surroundings);
    this.#random = this.#index.random;
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
    let current: readonly Walk[] = [walk.verdict === null ? walk : { ...walk, verdict: null }];
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
  #chain(from: NftChain, first: number, stack: readonly Return[], walk: Walk): readonly Walk[] {
    let [chain, at, returns, current] = [from, first, stack, walk];
    for (;;) {
      assert(returns.length < 16, `chain ${chain.name} jumps too deep`);
      const rule = chain.rules[at++];
      if (rule === undefined) {
        const back = returns.at(-1);
        if (back === undefined) return [current];
        [chain, at, returns] = [back.chain, back.at, returns.slice(0, -1)];
        continue;
      }
      const steps = this.#rule(rule, 0, current);
      const [only] = steps;
      if (only === undefined || steps.length > 1) {
        const here = { chain, at };
        return steps.flatMap((step) => this.#onwards(rule, here, returns, step));
      }
      current = only.walk;
      if (only.leads === "miss") continue;
      current = this.#passed(chain, rule, only);
      if (current.verdict !== null) return [current];
      if (only.leads !== "next") [chain, at, returns] = this.#led(only.leads, { chain, at }, returns);
    }
  }

  /** One of several ways behind a rule. */
  #onwards(rule: NftRule, here: Return, returns: readonly Return[], step: Step): readonly Walk[] {
    const { chain, at } = here;
    if (step.leads === "miss") return this.#chain(chain, at, returns, step.walk);
    const passed = this.#passed(chain, rule, step);
    if (passed.verdict !== null) return [passed];
    if (step.leads === "next") return this.#chain(chain, at, returns, passed);
    const [to, first, stack] = this.#led(step.leads, here, returns);
    return this.#chain(to, first, stack, passed);
  }

  /** With the rule on its path. */
  #passed(chain: NftChain, rule: NftRule, { walk, leads, element }: Step): Walk {
    const last: NftPlace = { family: this.#table.family, chain: chain.name, rule, element };
    const isDropped = typeof leads === "object" && leads.kind === "drop";
    const { share, state, trail, verdict } = walk;
    return { share, state, trail: { last, before: trail }, verdict: isDropped ? "drop" : verdict };
  }

  /** Where a verdict leads: a chain, a rule of it, and the places to come back to. */
  #led(
    leads: NftVerdict,
    here: Return,
    returns: readonly Return[],
  ): readonly [chain: NftChain, at: number, returns: readonly Return[]] {
    switch (leads.kind) {
      case "drop":
      case "return":
        return [here.chain, here.chain.rules.length, returns];
      case "jump":
        return [this.#named(leads.chain), 0, [...returns, here]];
      case "goto":
        return [this.#named(leads.chain), 0, returns];
      default:
        return unreachable(leads);
    }
  }

  /** Statements from left to right until one does not match or ends the evaluation. */
  #rule(rule: NftRule, first: number, walk: Walk): readonly Step[] {
    let last: Step = { walk, leads: "next", element: null };
    for (let at = first; at < rule.length; at++) {
      const statement = rule[at];
      if (statement === undefined || last.leads !== "next" || last.walk.verdict !== null) break;
      const steps = this.#statement(statement, last.walk);
      const [only] = steps;
      if (only === undefined || steps.length > 1) {
        return steps.flatMap((step) =>
          step.leads === "next" && step.walk.verdict === null ? this.#rule(rule, at + 1, step.walk) : [step],
        );
      }
      last = only;
    }
    return [last];
  }

  /** A packet with a random number that the statement asks for goes several ways, one for each answer. */
  #statement(statement: NftStatement, walk: Walk): readonly Step[] {
    const { state } = walk;
    const groups = this.#random.groups(statement, state);
    if (groups === null || state.numbers === null) return this.#meet(statement, walk);
    const count = state.numbers.length;
    return groups.flatMap((numbers) => {
      const [priority = state.priority, second] = numbers;
      const share = multiply(walk.share, fraction(numbers.length, count));
      const known = { ...state, priority, numbers: second === undefined ? null : numbers };
      return this.#meet(statement, { ...walk, share, state: known });
    });
  }

  #meet(statement: NftStatement, walk: Walk): readonly Step[] {
    switch (statement.kind) {
      case "verdict":
        return [{ walk, leads: statement.verdict, element: null }];
      case "masquerade":
        return [ended(walk, "accept", { masquerade: true }, one)];
      case "reject":
        return [ended(walk, "reject", null, one)];
      case "match":
        return this.#expressions
          .values(statement.left, walk.state)
          .map(({ value, share }) =>
            value !== null &&
            this.#expressions.holds(statement.left, value, statement.right, walk.state) !== statement.negated
              ? next(walk, null, share)
              : missed(walk, share),
          );
      case "assign":
        if (statement.field === "priority" && statement.value.kind === "random") {
          const numbers = this.#random.of(statement.value);
          return [next(walk, { priority: statement.value.offset, numbers: numbers.length > 1 ? numbers : null }, one)];
        }
        return this.#expressions.values(statement.value, walk.state).map(({ value, share }) => {
          const [number] = value ?? [];
          if (number === undefined) return missed(walk, share);
          assert(typeof number === "number", `${valueText(number)} is no ${statement.field}`);
          return next(walk, statement.field === "mark" ? { mark: number } : { priority: number, numbers: null }, share);
        });
      case "dispatch":
        return this.#expressions.values(statement.key, walk.state).map(({ value, share }) => {
          const found = value === null ? null : this.#sets.verdictOf(statement.map, value);
          if (value === null || found === null) return missed(walk, share);
          const element = { text: `${statement.map} ${keyText(value)}`, key: found.comment };
          return { ...next(walk, null, share), leads: found.verdict, element };
        });
      case "dnat":
        return this.#expressions.values(statement.to, walk.state).map(({ value, share }) => {
          const [destination, port] = value ?? [];
          if (typeof destination !== "object" || typeof port !== "number") return missed(walk, share);
          return ended(walk, "accept", { destination, port, isTranslated: true }, share);
        });
      case "update":
      case "delete":
        return this.#expressions.values(statement.key, walk.state).flatMap(({ value: key, share }) => {
          if (key === null) return [missed(walk, share)];
          return this.#expressions.values(statement.data, walk.state).map(({ value: data, share: dataShare }) => {
            const memory = remembered(statement, key, data ?? [], walk.state);
            return next(walk, { memory }, multiply(share, dataShare));
          });
        });
      default:
        return unreachable(statement);
    }
  }
}

/** `update` adds an entry or renews its time and keeps its data; `delete` removes it. */
function remembered(
  { kind, map, timeoutSeconds }: NftStatement & { readonly kind: "update" | "delete" },
  key: readonly NftValue[],
  data: readonly NftValue[],
  { memory: before }: State,
): NftMemory {
  const name = `${map} ${keyText(key)}`;
  const memory = new Map(before);
  if (kind === "delete") memory.delete(name);
  else memory.set(name, { data: memory.get(name)?.data ?? data, timeoutSeconds, age: 0 });
  return memory;
}
