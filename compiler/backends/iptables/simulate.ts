import { addressFromBits, type Family, type IpAddress } from "../../net/address.ts";
import { type Fraction, fraction, multiply, one } from "../../net/fraction.ts";
import { assert, InternalError, unreachable } from "../../result.ts";
import type { Packet } from "../packet.ts";
import { type Branch, type End, isFromNode, isLocal, type Surroundings } from "../simulation.ts";
import type {
  BuiltinChain,
  IptablesChain,
  IptablesMatch,
  IptablesProgram,
  IptablesRule,
  IptablesRuleset,
  IptablesTableName,
  IptablesTarget,
} from "./program.ts";
import {
  type Extensions,
  matches,
  noExtensions,
  type PacketState,
  type RecentMemory,
  recentEntry,
} from "./simulate-match.ts";

/** A rule that matched. */
export interface IptablesPlace {
  readonly table: IptablesTableName;
  readonly chain: string;
  readonly rule: IptablesRule;
}

export type IptablesBranch = Branch<IptablesPlace, RecentMemory>;

/** Tables of a hook in the order in which the kernel calls them (enum nf_ip_hook_priorities). */
const tablesOf: Readonly<Record<BuiltinChain, readonly IptablesTableName[]>> = {
  PREROUTING: ["raw", "mangle", "nat"],
  INPUT: ["mangle", "filter", "nat"],
  FORWARD: ["mangle", "filter"],
  OUTPUT: ["raw", "mangle", "nat", "filter"],
  POSTROUTING: ["mangle", "nat"],
};

const loopbackOf: Readonly<Record<Family, IpAddress>> = {
  ipv4: addressFromBits("ipv4", 0x7f000001n),
  ipv6: addressFromBits("ipv6", 1n),
};

/** One way through the rules so far. */
export interface Walk {
  readonly share: Fraction;
  readonly state: PacketState;
  readonly path: readonly IptablesPlace[];
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
  memory: RecentMemory = new Set(),
): readonly IptablesBranch[] {
  const ruleset = program[packet.destination.family];
  const start: Walk = { share: one, state: startOf(packet, memory), path: [], verdict: null };
  if (ruleset === null) return [branchOf(start)];
  const traveller = new Traveller(ruleset, surroundings, noExtensions);
  return traveller.follow([start]).map(branchOf);
}

export function startOf(packet: Packet, memory: RecentMemory): PacketState {
  return {
    original: packet,
    destination: packet.destination,
    port: packet.port,
    mark: 0,
    connectionMark: 0,
    isTranslated: false,
    masquerade: false,
    viaIpvs: false,
    hasInput: packet.inputInterface !== null,
    memory,
  };
}

function branchOf({ share, state, path, verdict }: Walk): IptablesBranch {
  return { share, end: endOf(state, verdict), path, memory: state.memory };
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
  readonly chain: IptablesChain;
  readonly at: number;
}

/** What is looked up in a ruleset, made once: many packets go through it. */
interface RulesetIndex {
  readonly chains: ReadonlyMap<IptablesTableName, ReadonlyMap<string, IptablesChain>>;
  /** The chains that a built-in chain of a table jumps to, in order: `nat PREROUTING`. */
  readonly jumps: ReadonlyMap<string, readonly string[]>;
}

const indexes = new WeakMap<IptablesRuleset, RulesetIndex>();

function indexOf(ruleset: IptablesRuleset): RulesetIndex {
  const known = indexes.get(ruleset);
  if (known !== undefined) return known;
  const jumps = new Map<string, string[]>();
  for (const { table, chain, target } of ruleset.jumps) {
    const place = `${table} ${chain}`;
    jumps.set(place, [...(jumps.get(place) ?? []), target]);
  }
  const chains = new Map(
    ruleset.tables.map((table) => [table.name, new Map(table.chains.map((chain) => [chain.name, chain]))] as const),
  );
  const index = { chains, jumps };
  indexes.set(ruleset, index);
  return index;
}

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

  /** Through the tables of one hook. Accepting ends a table, not the hook; dropping ends everything. */
  hook(chain: BuiltinChain, walks: readonly Walk[], tables = tablesOf[chain]): readonly Walk[] {
    let current = walks;
    for (const table of tables) {
      const targets = this.#index.jumps.get(`${table} ${chain}`);
      if (targets === undefined) continue;
      current = current.flatMap((walk) => {
        if (walk.verdict === "drop" || walk.verdict === "reject") return walk;
        // nobody translates the destination of a connection twice
        if (table === "nat" && walk.state.isTranslated && chain !== "POSTROUTING") return walk;
        const hasInput = chain !== "OUTPUT" && chain !== "POSTROUTING" && walk.state.original.inputInterface !== null;
        const state = walk.state.hasInput === hasInput ? walk.state : { ...walk.state, hasInput };
        return this.#table(table, targets, { ...walk, verdict: null, state });
      });
    }
    return current;
  }

  /** Through weir's chains that the built-in chain jumps to, one after the other until one accepts or drops. */
  #table(table: IptablesTableName, targets: readonly string[], walk: Walk): readonly Walk[] {
    let current: readonly Walk[] = [walk];
    for (const target of targets) {
      current = current.flatMap((each) =>
        each.verdict === null ? this.#chain(table, this.#named(table, target), 0, [], each) : each,
      );
    }
    return current;
  }

  #named(table: IptablesTableName, name: string): IptablesChain {
    const chain = this.#index.chains.get(table)?.get(name);
    if (chain === undefined) throw new InternalError(`table ${table} has no chain ${name}`);
    return chain;
  }

  /** From one rule of a chain to the end of the outermost chain. */
  #chain(
    table: IptablesTableName,
    from: IptablesChain,
    at: number,
    stack: readonly Return[],
    walk: Walk,
  ): readonly Walk[] {
    let [chain, next, returns, current] = [from, at, stack, walk];
    const branches: Walk[] = [];
    for (;;) {
      assert(returns.length < 64, `chain ${chain.name} jumps too deep`);
      const rule = chain.rules[next++];
      if (rule === undefined) {
        const back = returns.at(-1);
        if (back === undefined) return [...branches, current];
        [chain, next, returns] = [back.chain, back.at, returns.slice(0, -1)];
        continue;
      }
      const tried = this.#try(rule, current);
      if (tried.missed !== null && tried.matched !== null) {
        branches.push(...this.#chain(table, chain, next, returns, tried.missed));
      }
      if (tried.matched === null) {
        current = tried.missed ?? current;
        continue;
      }
      current = { ...tried.matched, path: [...tried.matched.path, { table, chain: chain.name, rule }] };
      const { target } = rule;
      if (target.kind === "jump" || target.kind === "goto") {
        if (target.kind === "jump") returns = [...returns, { chain, at: next }];
        [chain, next] = [this.#named(table, target.chain), 0];
      } else if (target.kind === "return") next = chain.rules.length;
      else {
        current = this.#apply(target, current);
        if (current.verdict !== null) return [...branches, current];
      }
    }
  }

  /** The ways in which a rule matches and does not; null for a way that cannot be. */
  #try(rule: IptablesRule, walk: Walk): Tried {
    let matched = walk;
    let missed: Walk | null = null;
    for (const match of rule.matches) {
      if (match.kind === "statistic") {
        const probability = fraction(match.threshold, 2 ** 31);
        const rest = fraction(2 ** 31 - match.threshold, 2 ** 31);
        assert(missed === null, "a rule with two statistics cannot be followed");
        missed = { ...matched, share: multiply(matched.share, rest) };
        matched = { ...matched, share: multiply(matched.share, probability) };
      } else if (!matches(match, matched.state, this.#surroundings, this.#extensions)) {
        return missed === null ? nothingMatched : { matched: null, missed: walk };
      } else if (match.kind === "recent") matched = { ...matched, state: remember(match, matched.state) };
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
      case "drop":
        return { ...walk, verdict: target.kind };
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

function marked(mark: number, { value, mask }: { readonly value: number; readonly mask: number }): number {
  return ((mark & ~mask) ^ value) >>> 0;
}

/** What `set` adds and `remove` takes away; `update` renews an entry that is there. */
function remember(match: IptablesMatch & { readonly kind: "recent" }, state: PacketState): PacketState {
  const entry = recentEntry(match, state.original.source);
  const memory = new Set(state.memory);
  if (match.action === "set") memory.add(entry);
  else if (match.action === "remove") memory.delete(entry);
  else return state;
  return { ...state, memory };
}
