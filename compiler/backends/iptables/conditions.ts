import { families } from "../../net/address.ts";
import { anything, type Condition, onePort } from "../condition.ts";
import type { IptablesChain, IptablesMatch, IptablesProgram, IptablesRule, IptablesRuleset } from "./program.ts";

export type SetMatch = IptablesMatch & { readonly kind: "set" };

/** What a set asks of packets, element by element. */
export type SetConditions = (name: string, directions: SetMatch["directions"]) => readonly Condition[];

/** Beyond so many callers a chain is taken to be for every destination. */
const mostContexts = 8;

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

  constructor(ruleset: IptablesRuleset, ofSet: SetConditions) {
    this.#ruleset = ruleset;
    this.#ofSet = ofSet;
    for (const { name, chains } of ruleset.tables) {
      for (const chain of chains) this.#chains.set(`${name} ${chain.name}`, chain);
    }
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
      this.#add(rule, widened);
      const { target } = rule;
      if (target.kind === "map-set") this.#addSet(target.name, target.directions, widened);
      if (target.kind === "jump" || target.kind === "goto")
        this.#visit(table, target.chain, contextBehind(rule, widened));
    }
  }

  #add(rule: IptablesRule, context: Condition): void {
    const own = rule.matches.reduce(withMatch, anything(context.family));
    if (keyOf(own) !== keyOf(anything(context.family))) this.#conditions.push(within(own, context));
    for (const match of rule.matches) if (match.kind === "set") this.#addSet(match.name, match.directions, context);
  }

  #addSet(name: string, directions: SetMatch["directions"], context: Condition): void {
    for (const each of this.#ofSet(name, directions)) {
      if (each.family === context.family) this.#conditions.push(within(each, context));
    }
  }
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
