import type { IrDetector, IrFrontend, NodeIr } from "../../ir/ir.ts";
import { isConcerned } from "../../ir/lookup.ts";
import { type Family, hostPrefix } from "../../net/address.ts";
import { compareText } from "../../net/order.ts";
import type { Protocol } from "../../net/port.ts";
import { addressTree, nodePortTree, portTree, servicesChain } from "../iptables/lower-dispatch.ts";
import { matchSources } from "../iptables/lower-service.ts";
import { allowChainName, fixedChains, frontendIdentity, policyChainName, verdictChain } from "../iptables/names.ts";
import { type Policy, poolIdentity, splitRoutes } from "../iptables/policies.ts";
import type {
  IptablesChain,
  IptablesMatch,
  IptablesProgram,
  IptablesRule,
  IptablesRuleset,
  IptablesTarget,
} from "../iptables/program.ts";
import { dnat, from, goTo, isProtocol, jump, rule, to, toThisNode } from "../iptables/rules.ts";
import { jumps, verdictChains, verdictMarkChains } from "../iptables/skeleton.ts";
import type { ProxyListener } from "./program.ts";

/** Listeners by name. */
type Listeners = ReadonlyMap<string, ProxyListener>;

const proxyPorts = "WEIR-PROXY-PORTS";

/**
 * The rules that bring packets for services to the proxy: the same trees and verdicts as those of the iptables backend,
 * with one translation in place of a choice. There is no masquerade, because the proxy connects on its own account.
 */
export function lowerRules(ir: NodeIr, policies: readonly Policy[], listeners: Listeners): IptablesProgram {
  return { ipv4: lowerFamily(ir, "ipv4", policies, listeners), ipv6: lowerFamily(ir, "ipv6", policies, listeners) };
}

function lowerFamily(
  ir: NodeIr,
  family: Family,
  policies: readonly Policy[],
  listeners: Listeners,
): IptablesRuleset | null {
  if (!isConcerned(ir, family)) return null;
  const own: IptablesChain[] = [];
  const entries = new Map<IrFrontend, IptablesTarget>();
  for (const policy of policies) {
    if (policy.frontends[0]?.family !== family) continue;
    const target = lowerPolicy(policy, ir.detector[family], listeners, own);
    for (const frontend of policy.frontends) entries.set(frontend, lowerSourceRanges(frontend, target, own));
  }
  const trees = [...addressTree(ir, family, entries), ...nodePortTree(ir, family, entries)];
  const guarded = guardedPorts(family, listeners);
  const nat = [
    servicesChain(ir, family, trees, guarded.rules),
    ...verdictMarkChains(ir.marks),
    ...trees,
    ...guarded.chains,
    ...own,
  ];
  return {
    family,
    tables: [
      { name: "filter", chains: verdictChains(family, ir.marks) },
      { name: "nat", chains: nat.sort((a, b) => compareText(a.name, b.name)) },
    ],
    jumps: jumps.filter((one) => one.target !== fixedChains.postrouting),
  };
}

/** What happens to packets of a policy: a target where all sources fare alike, a chain where they do not. */
function lowerPolicy(
  policy: Policy,
  detector: IrDetector,
  listeners: Listeners,
  chains: IptablesChain[],
): IptablesTarget {
  const { heads, last } = splitRoutes(policy.routes);
  const targetOf = ({ pool, whenEmpty }: Policy["routes"][number]): IptablesTarget => {
    if (pool.endpoints.length === 0) return goTo(verdictChain(whenEmpty));
    return toListener(listeners.get(poolIdentity(policy, pool)));
  };
  if (heads.length === 0) return targetOf(last);
  const rules = heads.flatMap((head) =>
    matchSources(head.sources, detector).map((matches) => translated(matches, policy.protocol, targetOf(head))),
  );
  const name = policyChainName(policy.side, policy.identity);
  chains.push({ name, rules: [...rules, translated([], policy.protocol, targetOf(last))] });
  return goTo(name);
}

/** Only the frontend's source ranges are let in, pods and the node too. */
function lowerSourceRanges(frontend: IrFrontend, target: IptablesTarget, chains: IptablesChain[]): IptablesTarget {
  const ranges = frontend.sourceRanges;
  if (ranges === null || ranges.some((range) => range.length === 0)) return target;
  if (ranges.length === 0) return goTo(fixedChains.drop);
  const name = allowChainName(frontendIdentity(frontend));
  const rules = ranges.map((range) => translated(from(range), frontend.protocol, target));
  chains.push({ name, rules: [...rules, rule([], goTo(fixedChains.drop))] });
  return goTo(name);
}

/** A listener without a port was reported; its packets are refused rather than let through. */
function toListener(listener: ProxyListener | undefined): IptablesTarget {
  if (listener === undefined) return goTo(fixedChains.reject);
  const { address, port } = listener;
  return address === null ? { kind: "redirect", port } : dnat(address, port);
}

/** Translation to a port needs the protocol tested in the same rule; it stands before extensions. */
function translated(matches: readonly IptablesMatch[], protocol: Protocol, target: IptablesTarget): IptablesRule {
  if (target.kind === "goto") return rule(matches, target);
  const isExtension = (match: IptablesMatch) => match.kind === "address-type";
  const basic = matches.filter((match) => !isExtension(match));
  return rule([...basic, isProtocol(protocol), ...matches.filter(isExtension)], target);
}

/**
 * Whoever asks for a proxy port directly, instead of a service, would get around source ranges and policies.
 * Packets that were translated do not come by here again: the nat table sees the first packet of a connection once.
 */
function guardedPorts(family: Family, listeners: Listeners) {
  const own = [...listeners.values()].filter((listener) => listener.family === family);
  const refuse = goTo(fixedChains.reject);
  const chains = portTree(
    proxyPorts,
    "proxy-port",
    own.map(({ protocol, port, key }) => ({ protocol, port, key, target: refuse })),
  );
  const [first] = own;
  if (first === undefined) return { rules: [], chains };
  const where = first.address === null ? [toThisNode] : to(hostPrefix(first.address));
  return { rules: [rule(where, jump(proxyPorts))], chains };
}
