import type { IptablesProgram, IptablesRule, IptablesRuleset } from "../../compiler/backends/iptables/program.ts";
import type { IpAddress } from "../../compiler/net/address.ts";
import { type Family, families, isHostPrefix } from "../../compiler/net/address.ts";
import type { Port, Protocol } from "../../compiler/net/port.ts";
import { formatSocket } from "../../compiler/net/socket.ts";
import { ServedCollector, type ServedFrontends, type Wanted } from "./served.ts";

/** Chains of the nat table that decide by source or choose, behind the line that names a frontend. */
type Chains = ReadonlyMap<string, readonly IptablesRule[]>;

/**
 * The frontends of iptables rules: lines of the dispatch trees that match one port and carry a service's key, and the
 * endpoints of the DNAT rules that can be reached from there. The same for rules that lead to a proxy's listeners.
 */
export function servedByIptables(program: IptablesProgram, wanted: Wanted = "all"): ServedFrontends {
  const found = new ServedCollector();
  for (const family of families) {
    const ruleset = program[family];
    if (ruleset !== null) addRuleset(found, ruleset, family, wanted);
  }
  return found.all();
}

/** The chains where the trees of addresses and of node ports begin: what is in front of them is reached by packets. */
const roots = { all: ["WEIR-ADDRESSES", "WEIR-NODE-PORTS"], "node-ports": ["WEIR-NODE-PORTS"] } as const;

function addRuleset(found: ServedCollector, ruleset: IptablesRuleset, family: Family, wanted: Wanted): void {
  const nat = ruleset.tables.find(({ name }) => name === "nat");
  if (nat === undefined) return;
  const chains: Chains = new Map(nat.chains.map(({ name, rules }) => [name, rules]));
  const reached = new Map<string, ReadonlyMap<string, string>>();
  for (const root of roots[wanted]) {
    walkTree(chains, root, null, new Set(), (rule, address) => {
      const line = frontendLine(rule);
      if (line === null) return;
      const entry = found.at({ key: line.key, family, address, protocol: line.protocol, port: line.port });
      const { target } = rule;
      if (target.kind === "dnat") entry.choices.set("only", formatSocket(target.address, target.port));
      if (target.kind === "redirect") entry.choices.set("only", `port ${target.port} of this node`);
      entry.leads.add("chain" in target ? `${target.kind} ${target.chain}` : target.kind);
      if ("chain" in target && wanted === "all") {
        const choices = reached.get(target.chain) ?? choicesIn(chains, target.chain);
        reached.set(target.chain, choices);
        for (const [choice, endpoint] of choices) entry.choices.set(choice, endpoint);
      }
    });
  }
}

/** Visits every rule of a dispatch tree that names a frontend, with the one address that leads to it. */
function walkTree(
  chains: Chains,
  chain: string,
  address: IpAddress | null,
  visited: Set<string>,
  visit: (rule: IptablesRule, address: IpAddress | null) => void,
): void {
  const seen = `${chain} ${address?.text ?? ""}`;
  if (visited.has(seen)) return;
  visited.add(seen);
  for (const rule of chains.get(chain) ?? []) {
    const at = destinationOf(rule) ?? address;
    if (frontendLine(rule) !== null) visit(rule, at);
    else if ("chain" in rule.target && isBranch(rule.target.chain)) {
      walkTree(chains, rule.target.chain, at, visited, visit);
    }
  }
}

function isBranch(chain: string): boolean {
  return /^WEIR-(DST|DPT)-/.test(chain);
}

function destinationOf(rule: IptablesRule): IpAddress | null {
  for (const match of rule.matches) {
    if (match.kind === "destination" && !match.negated && isHostPrefix(match.prefix)) return match.prefix.address;
  }
  return null;
}

/** One port, with the comment that is the service's key. */
function frontendLine(rule: IptablesRule): { key: string; protocol: Protocol; port: Port } | null {
  let key: string | null = null;
  let socket: { readonly protocol: Protocol; readonly port: Port } | null = null;
  for (const match of rule.matches) {
    if (match.kind === "comment") key = match.text;
    if (match.kind === "destination-port" && match.ports.first === match.ports.last) {
      socket = { protocol: match.protocol, port: match.ports.first };
    }
  }
  return key === null || socket === null ? null : { key, ...socket };
}

/** Endpoints of the DNAT rules behind a chain, each with the chain that chooses it. */
function choicesIn(chains: Chains, first: string): ReadonlyMap<string, string> {
  const choices = new Map<string, string>();
  const visited = new Set<string>();
  const waiting = [first];
  for (let chain = waiting.pop(); chain !== undefined; chain = waiting.pop()) {
    if (visited.has(chain)) continue;
    visited.add(chain);
    for (const { target } of chains.get(chain) ?? []) {
      if (target.kind === "dnat") {
        const endpoint = formatSocket(target.address, target.port);
        choices.set(`${chain} ${endpoint}`, endpoint);
      } else if (target.kind === "redirect") {
        choices.set(`${chain} ${target.port}`, `port ${target.port} of this node`);
      } else if ("chain" in target) waiting.push(target.chain);
    }
  }
  return choices;
}
