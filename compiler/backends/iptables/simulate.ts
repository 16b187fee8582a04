import { addressFromBits, type Family, type IpAddress } from "../../net/address.ts";
import { type Fraction, one } from "../../net/fraction.ts";
import { InternalError, unreachable } from "../../result.ts";
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
  type Traces,
  type Trail,
} from "../simulation.ts";
import type {
  BuiltinChain,
  IptablesMatch,
  IptablesProgram,
  IptablesRuleset,
  IptablesTableName,
  IptablesTarget,
} from "./program.ts";
import {
  type IndexedChain,
  type IndexedRule,
  type IptablesPlace,
  indexOf,
  type RulesetIndex,
} from "./simulate-index.ts";
import {
  type Extensions,
  matches,
  noExtensions,
  type PacketState,
  type RecentMemory,
  recentEntry,
} from "./simulate-match.ts";

export type IptablesBranch = Branch<IptablesPlace, RecentMemory>;

const loopbackOf: Readonly<Record<Family, IpAddress>> = {
  ipv4: addressFromBits("ipv4", 0x7f000001n),
  ipv6: addressFromBits("ipv6", 1n),
};

/** One way through the rules so far. */
export interface Walk {
  readonly share: Fraction;
  readonly state: PacketState;
  readonly trail: Trail<IptablesPlace> | null;
  /** null while nothing has decided. */
  readonly verdict: "accept" | "drop" | "reject" | null;
}

/**
 * Follows the first packet of a connection through the tables: PREROUTING, routing by the destination it then has,
 * INPUT or FORWARD and POSTROUTING; OUTPUT and POSTROUTING for packets of the node. Policies of built-in chains accept,
 * and rules of other owners are not there. The kernel's rules are those of ip_tables.c and nf_nat_core.c.
 */
export function simulateIptables(
  program: IptablesProgram,
  surroundings: Surroundings,
  packet: Packet,
  memory: RecentMemory = new Map(),
  flow: Flow = firstPacket,
): readonly IptablesBranch[] {
  const ruleset = program[packet.destination.family];
  const state = startOf(packet, aged(memory, flow), flow, surroundings.mark);
  const start: Walk = { share: one, state, trail: null, verdict: null };
  if (ruleset === null) return [branchOf(start, surroundings)];
  const traveller = new Traveller(ruleset, surroundings, noExtensions);
  return traveller.follow([start]).map((walk) => branchOf(walk, surroundings));
}

export function startOf(packet: Packet, memory: RecentMemory, flow: Flow, mark = 0): PacketState {
  return {
    original: packet,
    flow,
    destination: packet.destination,
    port: packet.port,
    mark,
    connectionMark: 0,
    isTranslated: false,
    masquerade: false,
    isAccepted: false,
    viaIpvs: false,
    hasInput: packet.inputInterface !== null,
    memory,
  };
}

function branchOf({ share, state, trail, verdict }: Walk, surroundings: Surroundings): IptablesBranch {
  const end = endOf(state, verdict);
  return { share, end, traces: tracesOf(state, end, surroundings), path: () => placesOf(trail), memory: state.memory };
}

/** A process of the node does not see marks, and for packets that it was sent to by translation nobody else does. */
export function tracesOf(state: PacketState, end: End, surroundings: Surroundings): Traces | null {
  if (end.kind === "drop" || end.kind === "reject") return null;
  const isForProcess =
    end.kind === "translated" && isLocal(surroundings, state.destination) && !isFromNode(surroundings, state.original);
  return isForProcess ? null : { mark: state.mark, classId: 0, isAccepted: state.isAccepted };
}

function endOf(state: PacketState, verdict: Walk["verdict"]): End {
  if (verdict === "drop" || verdict === "reject") return { kind: verdict };
  // a packet that is masqueraded is not left alone, wherever it goes
  if (!state.isTranslated && !state.masquerade) return { kind: "pass" };
  return { kind: "translated", address: state.destination, port: state.port, masquerade: state.masquerade };
}

/** The ways in which a rule matches and does not. With neither the walk goes on as it was. */
interface Tried {
  readonly matched: Walk | null;
  readonly missed: Walk | null;
}

const nothingMatched: Tried = { matched: null, missed: null };

/** Where a walk goes on after a chain: the chain that jumped, and the rule after the jump. */
interface Return {
  readonly chain: IndexedChain;
  readonly at: number;
  /** Where that chain came from. */
  readonly before: Return | null;
  readonly depth: number;
}

/** The kernel refuses rules that jump deeper. */
const deepest = 64;

/** Knows the rules, and sends packets through them. */
export class Traveller {
  readonly #index: RulesetIndex;
  readonly #surroundings: Surroundings;
  readonly #extensions: Extensions;

  constructor(ruleset: IptablesRuleset, surroundings: Surroundings, extensions: Extensions) {
    this.#index = indexOf(ruleset);
    this.#surroundings = surroundings;
    this.#extensions = extensions;
  }

  /** Through all hooks. */
  follow(walks: readonly Walk[]): readonly Walk[] {
    return walks.flatMap((walk) =>
      isFromNode(this.#surroundings, walk.state.original)
        ? this.hook("POSTROUTING", this.hook("OUTPUT", [walk]))
        : this.hook("PREROUTING", [walk]).flatMap((each) => this.#routed(each)),
    );
  }

  #routed(walk: Walk): readonly Walk[] {
    if (isLocal(this.#surroundings, walk.state.destination)) return this.hook("INPUT", [walk]);
    return this.hook("POSTROUTING", this.hook("FORWARD", [walk]));
  }

  /** Through the tables of one hook, or some of them. Accepting ends a table, not the hook; dropping ends everything. */
  hook(
    chain: BuiltinChain,
    walks: readonly Walk[],
    tables: readonly IptablesTableName[] | null = null,
  ): readonly Walk[] {
    let current = walks;
    for (const stage of this.#index.hooks[chain]) {
      if (tables !== null && !tables.includes(stage.table)) continue;
      const after: Walk[] = [];
      for (const walk of current) {
        if (isPast(walk, chain, stage.table)) after.push(walk);
        else this.#table(stage.targets(), entering(walk, chain), after);
      }
      current = after;
    }
    return current;
  }

  /** Through weir's chains that the built-in chain jumps to, one after the other until one accepts or drops. */
  #table(targets: readonly IndexedChain[], walk: Walk, after: Walk[]): void {
    const [first, ...others] = targets;
    if (first === undefined || walk.verdict !== null) after.push(walk);
    else if (others.length === 0) this.#chain(first, 0, null, walk, after);
    else {
      const between: Walk[] = [];
      this.#chain(first, 0, null, walk, between);
      for (const each of between) this.#table(others, each, after);
    }
  }

  /** From one rule of a chain to the end of the outermost chain; all ends are added to `after`. */
  #chain(from: IndexedChain, at: number, stack: Return | null, walk: Walk, after: Walk[]): void {
    let chain = from;
    let next = at;
    let back = stack;
    let current = walk;
    for (;;) {
      const rule = chain.rules()[next++];
      if (rule === undefined) {
        if (back === null) break;
        ({ chain, at: next, before: back } = back);
        continue;
      }
      const tried = this.#try(rule, current);
      if (tried.matched === null) continue;
      if (tried.missed !== null) this.#chain(chain, next, back, tried.missed, after);
      const { target } = rule.place.rule;
      current = this.#apply(target, passed(tried.matched, rule));
      if (current.verdict !== null) break;
      if (target.kind === "jump" || target.kind === "goto") {
        if (target.kind === "jump") back = { chain, at: next, before: back, depth: back === null ? 1 : back.depth + 1 };
        if (back?.depth === deepest) throw new InternalError(`chain ${chain.name} jumps too deep`);
        if (rule.to === null) throw new InternalError(`table ${rule.place.table} has no chain ${target.chain}`);
        chain = rule.to;
        next = 0;
      } else if (target.kind === "return") next = chain.rules().length;
    }
    after.push(current);
  }

  /** Where a test fails behind a throw of dice the rule has not matched, whatever they said. */
  #try({ tests }: IndexedRule, walk: Walk): Tried {
    let matched = walk;
    let missed: Walk | null = null;
    for (const test of tests) {
      if (test.kind === "dice") {
        const { hit, miss } = test.divide(matched.share);
        missed = { ...matched, share: miss };
        matched = { ...matched, share: hit };
      } else if (!matches(test, matched.state, this.#surroundings, this.#extensions)) {
        return nothingMatched;
      } else if (test.kind === "recent") matched = { ...matched, state: remember(test, matched.state) };
    }
    return { matched, missed };
  }

  /** REDIRECT: loopback for the node itself, otherwise the incoming interface's address, of which the first one is taken. */
  #redirected(state: PacketState): IpAddress {
    const { family } = state.original.destination;
    const { nodeAddresses } = this.#surroundings;
    const own = nodeAddresses.find((address) => address.family === family);
    return isFromNode(this.#surroundings, state.original) || own === undefined ? loopbackOf[family] : own;
  }

  /** Targets other than those that lead to another chain. */
  #apply(target: IptablesTarget, walk: Walk): Walk {
    const { state } = walk;
    const changed = (change: Partial<PacketState>): Walk => ({ ...walk, state: { ...state, ...change } });
    switch (target.kind) {
      case "accept":
        return { ...changed({ isAccepted: true }), verdict: "accept" };
      case "drop":
        return { ...walk, verdict: "drop" };
      case "reject":
        return { ...walk, verdict: "reject" };
      case "dnat":
        return {
          ...changed({ destination: target.address, port: target.port, isTranslated: true }),
          verdict: "accept",
        };
      case "redirect":
        return {
          ...changed({ destination: this.#redirected(state), port: target.port, isTranslated: true }),
          verdict: "accept",
        };
      case "masquerade":
        return { ...changed({ masquerade: true }), verdict: "accept" };
      case "mark":
        return changed({ mark: marked(state.mark, target) });
      case "ct-mark":
        return changed({ connectionMark: marked(state.connectionMark, target) });
      case "map-set":
        return changed({ mark: this.#extensions.markOf(target, state) });
      case "jump":
      case "goto":
      case "return":
        return walk;
      default:
        return unreachable(target);
    }
  }
}

/** With the rule on its way. */
function passed({ share, state, trail, verdict }: Walk, { place }: IndexedRule): Walk {
  return { share, state, trail: { last: place, before: trail }, verdict };
}

/**
 * Whether a walk does not enter a table: it has ended, it is not the first of its connection, which alone comes to nat,
 * or its destination is translated, which nobody does twice.
 */
function isPast({ verdict, state }: Walk, chain: BuiltinChain, table: IptablesTableName): boolean {
  if (verdict === "drop" || verdict === "reject") return true;
  if (table !== "nat") return false;
  return state.flow.state !== "NEW" || (state.isTranslated && chain !== "POSTROUTING");
}

function entering(walk: Walk, chain: BuiltinChain): Walk {
  const { state, verdict } = walk;
  const hasInput = chain !== "OUTPUT" && chain !== "POSTROUTING" && state.original.inputInterface !== null;
  if (state.hasInput === hasInput && verdict === null) return walk;
  return { ...walk, verdict: null, state: state.hasInput === hasInput ? state : { ...state, hasInput } };
}

function marked(mark: number, { value, mask }: { readonly value: number; readonly mask: number }): number {
  return ((mark & ~mask) ^ value) >>> 0;
}

function aged(memory: RecentMemory, { secondsLater }: Flow): RecentMemory {
  return secondsLater === 0 ? memory : new Map([...memory].map(([entry, age]) => [entry, age + secondsLater]));
}

/** What `set` adds and `remove` takes away; `update` renews an entry that is there. */
function remember(match: IptablesMatch & { readonly kind: "recent" }, state: PacketState): PacketState {
  const entry = recentEntry(match, state.original.source);
  const memory = new Map(state.memory);
  if (match.action === "set" || match.action === "update") memory.set(entry, 0);
  else if (match.action === "remove") memory.delete(entry);
  else return state;
  return { ...state, memory };
}
