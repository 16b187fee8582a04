import { isHostPrefix, type Prefix } from "../../net/address.ts";
import type { IptablesChain, IptablesRule } from "./program.ts";

/** Hosts by their texts; null is every destination. */
export type Hosts = ReadonlyMap<string, Prefix> | null;

const none: Hosts = new Map();

/** For which destinations a chain, or one that it leads to, does anything to a packet. */
export class ChainEffects {
  readonly #chains: ReadonlyMap<string, IptablesChain>;
  readonly #known = new Map<string, Hosts>();

  /** `chains` by table and name: `nat WEIR-HAIRPIN`. */
  constructor(chains: ReadonlyMap<string, IptablesChain>) {
    this.#chains = chains;
  }

  hostsOf(table: string, name: string): Hosts {
    const place = `${table} ${name}`;
    const known = this.#known.get(place);
    if (known !== undefined) return known;
    // a chain that comes back to itself is broken, and for everybody
    this.#known.set(place, null);
    const rules = this.#chains.get(place)?.rules;
    const hosts = rules === undefined ? null : this.hostsOfRules(table, rules);
    this.#known.set(place, hosts);
    return hosts;
  }

  /** The same for some rules of a chain. */
  hostsOfRules(table: string, rules: readonly IptablesRule[]): Hosts {
    const hosts = new Map<string, Prefix>();
    for (const rule of rules) {
      const own = this.#hostsOfRule(table, rule);
      if (own === null) return null;
      for (const [text, host] of own) hosts.set(text, host);
    }
    return hosts;
  }

  #hostsOfRule(table: string, { matches, target }: IptablesRule): Hosts {
    for (const match of matches) {
      const isHost = match.kind === "destination" && !match.negated && isHostPrefix(match.prefix);
      if (isHost) return new Map([[match.prefix.text, match.prefix]]);
      // it remembers clients, whether the rule matches in the end or not
      if (match.kind === "recent") return null;
    }
    // leaving a chain early leaves out what it would have done, which is for the chain's hosts
    if (target.kind === "return") return none;
    return target.kind === "jump" || target.kind === "goto" ? this.hostsOf(table, target.chain) : null;
  }
}
