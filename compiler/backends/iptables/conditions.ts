import { families, type Prefix, prefixCovers } from "../../net/address.ts";
import { anything, type Condition, onePort } from "../condition.ts";
import { ChainEffects } from "./effects.ts";
import type { IptablesChain, IptablesMatch, IptablesProgram, IptablesRule, IptablesRuleset } from "./program.ts";

export type SetMatch = IptablesMatch & { readonly kind: "set" };

/** What a set asks of packets, element by element. */
export type SetConditions = (name: string, directions: SetMatch["directions"]) => readonly Condition[];

/** Beyond so many callers a chain is taken to be for every destination. */
const mostContexts = 8;

/** A chain that does something for more hosts than these is taken to do it for all. */
const mostHosts = 20_000;

/**
 * What the rules of a program ask, each together with the destination and port that lead to its chain: a source range
 * in a service's own chain is a boundary for the clients of that service only.
 */
export function iptablesConditions(program: IptablesProgram, ofSet: SetConditions = () => []): readonly Condition[] {
  return families.flatMap((family) => {
    const ruleset = program[family];
    return ruleset === null ? [] : new Collector(ruleset, ofSet).collect();
  });
}

class Collector {
  readonly #ruleset: IptablesRuleset;
  readonly #ofSet: SetConditions;
  readonly #chains = new Map<string, IptablesChain>();
  readonly #contexts = new Map<string, Set<string>>();
  readonly #conditions: Condition[] = [];
  readonly #effects: ChainEffects;

  constructor(ruleset: IptablesRuleset, ofSet: SetConditions) {
    this.#ruleset = ruleset;
    this.#ofSet = ofSet;
    for (const { name, chains } of ruleset.tables) {
      for (const chain of chains) this.#chains.set(`${name} ${chain.name}`, chain);
    }
    this.#effects = new ChainEffects(this.#chains);
  }

  collect(): readonly Condition[] {
    for (const { table, target } of this.#ruleset.jumps) this.#visit(table, target, anything(this.#ruleset.family));
    return this.#conditions;
  }

  #visit(table: string, name: string, context: Condition): void {
    const chain = this.#chains.get(`${table} ${name}`);
    const known = this.#contexts.get(`${table} ${name}`) ?? new Set<string>();
    this.#contexts.set(`${table} ${name}`, known);
    const widened = known.size < mostContexts ? context : anything(context.family);
    const key = keyOf(widened);
    // what is known of every packet holds for these too
    if (chain === undefined || known.has(key) || known.has(keyOf(anything(context.family)))) return;
    known.add(key);
    for (const rule of chain.rules) {
      this.#add(table, chain, rule, widened);
      const { target } = rule;
      if (target.kind === "map-set") this.#addSet(target.name, target.directions, widened);
      if (target.kind === "jump" || target.kind === "goto")
        this.#visit(table, target.chain, contextBehind(rule, widened));
    }
  }

  #add(table: string, chain: IptablesChain, rule: IptablesRule, context: Condition): void {
    const own = within(rule.matches.reduce(withMatch, anything(context.family)), context);
    const { source } = own;
    const hosts = source === null || own.destination !== null ? null : this.#hostsBehind(table, chain, rule, source);
    if (hosts !== null) for (const destination of hosts) this.#conditions.push({ ...own, destination });
    else if (keyOf(own) !== keyOf(context)) this.#conditions.push(own);
    for (const match of rule.matches) if (match.kind === "set") this.#addSet(match.name, match.directions, context);
  }

  /**
   * The destinations for which it matters whether a rule leads to another chain; null for all. A branch of a tree of
   * hosts asks for a source, but only packets to these hosts notice. Behind `goto` what is left of the chain for these
   * sources is left out too.
   */
  #hostsBehind(table: string, chain: IptablesChain, rule: IptablesRule, source: Prefix): readonly Prefix[] | null {
    const { target } = rule;
    if (target.kind !== "jump" && target.kind !== "goto") return null;
    const behind = this.#effects.hostsOf(table, target.chain);
    const left = target.kind === "jump" ? [] : chain.rules.slice(chain.rules.indexOf(rule) + 1);
    const rest = this.#effects.hostsOfRules(
      table,
      left.filter((each) => mayBeFrom(each, source)),
    );
    if (behind === null || rest === null || behind.size + rest.size > mostHosts) return null;
    return [...new Map([...behind, ...rest]).values()];
  }

  #addSet(name: string, directions: SetMatch["directions"], context: Condition): void {
    for (const each of this.#ofSet(name, directions)) {
      if (each.family === context.family) this.#conditions.push(within(each, context));
    }
  }
}

/** Whether a packet from some address of the prefix may match the rule. */
function mayBeFrom({ matches }: IptablesRule, source: Prefix): boolean {
  return matches.every(
    (match) =>
      match.kind !== "source" ||
      match.negated ||
      prefixCovers(match.prefix, source) ||
      prefixCovers(source, match.prefix),
  );
}

function keyOf({ source, destination, protocol, ports, inputInterface }: Condition): string {
  const range = ports === null ? "" : `${ports.first}-${ports.last}`;
  const name = inputInterface === null ? "" : `${inputInterface.name} ${inputInterface.isPrefix}`;
  return `${source?.text} ${destination?.text} ${protocol} ${range} ${name}`;
}

function withMatch(condition: Condition, match: IptablesMatch): Condition {
  switch (match.kind) {
    case "source":
      return { ...condition, source: match.prefix };
    case "destination":
    case "ct-original-destination":
      return { ...condition, destination: match.prefix };
    case "protocol":
      return { ...condition, protocol: protocolOf(match.protocol) };
    case "destination-port":
      return { ...condition, ports: match.ports };
    case "ct-original-port":
      return { ...condition, ports: onePort(match.port) };
    case "input-interface": {
      const isPrefix = match.name.endsWith("+");
      return { ...condition, inputInterface: { name: isPrefix ? match.name.slice(0, -1) : match.name, isPrefix } };
    }
    default:
      return condition;
  }
}

/** ICMP is no first packet that anything here is about. */
function protocolOf(protocol: (IptablesMatch & { readonly kind: "protocol" })["protocol"]): Condition["protocol"] {
  return protocol === "icmp" || protocol === "ipv6-icmp" ? null : protocol;
}

/** What is known of packets that a rule sends to another chain: what it asks without a negation. */
function contextBehind(rule: IptablesRule, context: Condition): Condition {
  const positive = rule.matches.filter((match) => !("negated" in match && match.negated));
  const own = positive.reduce(withMatch, anything(context.family));
  return { ...within(own, context), source: null, inputInterface: null };
}

function within(own: Condition, context: Condition): Condition {
  return {
    ...own,
    destination: own.destination ?? context.destination,
    protocol: own.protocol ?? context.protocol,
    ports: own.ports ?? context.ports,
  };
}
