import type { Family, IpAddress } from "../../net/address.ts";
import { addressWidth } from "../../net/address.ts";
import type { Port } from "../../net/port.ts";
import { describeFlow } from "../print-flow.ts";
import type { Operation, StaleFlow, Step } from "../step.ts";
import type { IptablesProgram, IptablesRule, IptablesRuleset } from "./program.ts";

/** A UDP frontend as the rules serve it. */
interface ServedFrontend {
  readonly family: Family;
  /** null for a node port. */
  readonly destination: IpAddress | null;
  readonly port: Port;
  /** From the comment of its dispatch line. */
  readonly key: string | null;
  /** By text; wherever a rule may translate to, from any source. */
  readonly endpoints: Map<string, Socket>;
}

interface Socket {
  readonly address: IpAddress;
  readonly port: Port;
}

/**
 * The last step of a delta, or none: UDP flows to endpoints that no rule of their frontend leads to any more, and flows
 * that went past a frontend because nobody served it. TCP connections end by themselves, UDP has no end. An endpoint
 * that only some sources may reach still counts: flows survive a change of policy.
 * When everything goes (`after` is null) another backend may be serving, and nothing is cut.
 */
export function staleFlowSteps(before: IptablesProgram | null, after: IptablesProgram | null): readonly Step[] {
  if (after === null) return [];
  const old = frontendsOf(before);
  const flows: StaleFlow[] = [];
  const operations: Operation[] = [];
  const cut = (frontend: ServedFrontend, endpoint: Socket | null) => {
    const { family, destination, port, key } = frontend;
    const flow = { family, destination, port, endpoint };
    flows.push(flow);
    operations.push(describeFlow(flow, key));
  };
  const now = frontendsOf(after);
  for (const [identity, frontend] of old) {
    const endpoints = now.get(identity)?.endpoints;
    for (const [text, endpoint] of frontend.endpoints) if (endpoints?.has(text) !== true) cut(frontend, endpoint);
  }
  for (const [identity, frontend] of now) {
    if (frontend.endpoints.size > 0 && (old.get(identity)?.endpoints.size ?? 0) === 0) cut(frontend, null);
  }
  return flows.length === 0 ? [] : [{ kind: "flows", operations, flows }];
}

function frontendsOf(program: IptablesProgram | null): ReadonlyMap<string, ServedFrontend> {
  const frontends = new Map<string, ServedFrontend>();
  for (const ruleset of [program?.ipv4, program?.ipv6]) if (ruleset) addFrontends(ruleset, frontends);
  return frontends;
}

/** What is known of packets that come to a chain. */
interface Way {
  readonly destination: IpAddress | null;
  readonly depth: number;
}

/** The kernel refuses loops of chains; a program from a file might have one. */
const deepest = 64;

/** Follows the trees from PREROUTING to the lines that test for one UDP port. */
function addFrontends(ruleset: IptablesRuleset, frontends: Map<string, ServedFrontend>): void {
  const chains = new Map(
    ruleset.tables.find((table) => table.name === "nat")?.chains.map((chain) => [chain.name, chain.rules]),
  );
  const reached = new Map<string, ReadonlyMap<string, Socket>>();
  const visit = (name: string, way: Way): void => {
    if (way.depth > deepest) return;
    for (const rule of chains.get(name) ?? []) {
      const found = dispatchOf(rule, ruleset.family, way.destination);
      if (found === null) continue;
      const { destination, port, key } = found;
      if (port === null) {
        if (isLeading(rule)) visit(rule.target.chain, { destination, depth: way.depth + 1 });
        continue;
      }
      const identity = `${destination?.text ?? ruleset.family} ${port}`;
      const known = frontends.get(identity);
      const frontend = known ?? { family: ruleset.family, destination, port, key, endpoints: new Map() };
      if (known === undefined) frontends.set(identity, frontend);
      for (const [text, endpoint] of endpointsOf(rule, chains, reached, 0)) frontend.endpoints.set(text, endpoint);
    }
  };
  for (const jump of ruleset.jumps) {
    if (jump.table === "nat" && jump.chain === "PREROUTING") visit(jump.target, { destination: null, depth: 0 });
  }
}

type LeadingRule = IptablesRule & { readonly target: { readonly kind: "jump" | "goto"; readonly chain: string } };

function isLeading(rule: IptablesRule): rule is LeadingRule {
  return rule.target.kind === "jump" || rule.target.kind === "goto";
}

/** What a rule tests of the destination of UDP packets; null for rules that none can match. */
function dispatchOf(rule: IptablesRule, family: Family, inherited: IpAddress | null) {
  let destination = inherited;
  let port: Port | null = null;
  let key: string | null = null;
  for (const match of rule.matches) {
    if (match.kind === "protocol" && !match.negated && match.protocol !== "udp") return null;
    if (match.kind === "destination" && !match.negated && match.prefix.length === addressWidth(family)) {
      destination = match.prefix.address;
    }
    if (match.kind === "destination-port" && match.ports.first === match.ports.last) port = match.ports.first;
    if (match.kind === "comment") key = match.text;
  }
  return { destination, port, key };
}

function endpointsOf(
  rule: IptablesRule,
  chains: ReadonlyMap<string, readonly IptablesRule[]>,
  reached: Map<string, ReadonlyMap<string, Socket>>,
  depth: number,
): ReadonlyMap<string, Socket> {
  const { target } = rule;
  if (target.kind === "dnat") return new Map([[`${target.address.text} ${target.port}`, target]]);
  if (!isLeading(rule) || depth > deepest) return new Map();
  const known = reached.get(rule.target.chain);
  if (known !== undefined) return known;
  const sockets = new Map<string, Socket>();
  for (const next of chains.get(rule.target.chain) ?? []) {
    for (const [text, socket] of endpointsOf(next, chains, reached, depth + 1)) sockets.set(text, socket);
  }
  reached.set(rule.target.chain, sockets);
  return sockets;
}
