import type { IrDetector, IrFrontend, IrMarks, IrPool, IrRoute, SourceClass } from "../../ir/ir.ts";
import { assert, unreachable } from "../../result.ts";
import { lowerPool, type PoolUse, type SharedMatches } from "./lower-pool.ts";
import {
  allowChainName,
  fixedChains,
  frontendIdentity,
  markChainName,
  policyChainName,
  poolChainName,
  verdictChain,
} from "./names.ts";
import { countPoolUses, type Policy, policiesOf, poolIdentity, splitRoutes } from "./policies.ts";
import type { IptablesChain, IptablesMatch, IptablesRule } from "./program.ts";
import { from, fromPods, fromThisNode, goTo, jump, rule, setMark } from "./rules.ts";

/** What all services share. Chains are added under their names. */
export interface ServiceContext {
  readonly detector: IrDetector;
  readonly marks: IrMarks;
  readonly chains: Map<string, IptablesChain>;
  readonly shared: SharedMatches;
}

/**
 * Adds the chains of one service port in one family. Returns, for each frontend, the chain that its dispatch line goes
 * to: one that decides by source, one that chooses an endpoint, or a verdict.
 */
export function lowerServicePort(
  frontends: readonly IrFrontend[],
  context: ServiceContext,
): ReadonlyMap<IrFrontend, string> {
  const policies = policiesOf(frontends);
  const uses = countPoolUses(policies);
  const entries = new Map<IrFrontend, string>();
  for (const policy of policies) {
    const chain = lowerPolicy(policy, uses, context);
    for (const frontend of policy.frontends) entries.set(frontend, lowerSourceRanges(frontend, chain, context));
  }
  return entries;
}

function lowerPolicy(policy: Policy, uses: ReadonlyMap<string, number>, context: ServiceContext): string {
  const { heads, tail, last } = splitRoutes(policy.routes);
  const rules: IptablesRule[] = [];
  for (const { sources, pool, masquerade, whenEmpty } of heads) {
    const isEmpty = pool.endpoints.length === 0;
    const target = isEmpty ? verdictChain(whenEmpty) : poolChain(policy, pool, context);
    for (const matches of matchSources(sources, context.detector)) {
      if (masquerade && !isEmpty) rules.push(rule(matches, setMark(context.marks.masquerade)));
      rules.push(rule(matches, goTo(target)));
    }
  }
  const isEmpty = last.pool.endpoints.length === 0;
  if (!isEmpty) rules.push(...lowerMasquerade(heads, tail, context));
  const isInline = !isEmpty && uses.get(poolIdentity(policy, last.pool)) === 1;
  if (isInline) {
    const lowered = lowerPool(last.pool, poolUse(policy, last.pool, context));
    rules.push(...lowered.rules);
    addChains(lowered.chains, context);
  } else {
    const target = isEmpty ? verdictChain(last.whenEmpty) : poolChain(policy, last.pool, context);
    if (rules.length === 0) return target;
    rules.push(rule([], goTo(target)));
  }
  const name = policyChainName(policy.side, policy.identity);
  addChains([{ name, rules }], context);
  return name;
}

/** The chain that chooses from a pool, made when it is first led to. */
function poolChain(policy: Policy, pool: IrPool, context: ServiceContext): string {
  const name = poolChainName(poolIdentity(policy, pool));
  if (!context.chains.has(name)) {
    const lowered = lowerPool(pool, poolUse(policy, pool, context));
    addChains([{ name, rules: lowered.rules }, ...lowered.chains], context);
  }
  return name;
}

function poolUse(policy: Policy, pool: IrPool, { shared }: ServiceContext): PoolUse {
  return { protocol: policy.protocol, identity: poolIdentity(policy, pool), sticky: policy.sticky, shared };
}

/** The tests for a source class; alternatives, none of which may hold where the node cannot tell pods. */
export function matchSources(
  sources: SourceClass | "any",
  detector: IrDetector,
): readonly (readonly IptablesMatch[])[] {
  switch (sources) {
    case "pod":
      return fromPods(detector);
    case "node":
      return [[fromThisNode]];
    case "outside":
    case "any":
      return [[]];
    default:
      return unreachable(sources);
  }
}

/** Marks what is to leave with the node's address, of the sources that no head has taken. */
function lowerMasquerade(
  heads: readonly IrRoute[],
  tail: readonly IrRoute[],
  context: ServiceContext,
): readonly IptablesRule[] {
  const taken = new Set(heads.map((route) => route.sources));
  const isPossible = (source: SourceClass) => source !== "pod" || context.detector.kind !== "none";
  const left = sourceClasses.filter((source) => isPossible(source) && !taken.has(source));
  const marked = left.filter((source) => {
    const route = tail.find(({ sources }) => sources === source || sources === "any");
    return route?.masquerade === true;
  });
  if (marked.length === 0) return [];
  if (marked.length === left.length) return [rule([], setMark(context.marks.masquerade))];
  const name = markChainName(marked);
  if (!context.chains.has(name)) addChains([{ name, rules: markSources(marked, context) }], context);
  return [rule([], jump(name))];
}

const sourceClasses: readonly SourceClass[] = ["pod", "node", "outside"];

/** One chain for all frontends that masquerade the same sources: when the pods' range changes, it alone does. */
function markSources(marked: readonly SourceClass[], { detector, marks }: ServiceContext): readonly IptablesRule[] {
  const [pod, node, outside] = sourceClasses.map((source) => marked.includes(source));
  const mark = setMark(marks.masquerade);
  const leave = { kind: "return" } as const;
  return [
    ...fromPods(detector).flatMap((matches) => [...(pod ? [rule(matches, mark)] : []), rule(matches, leave)]),
    ...(node === outside ? [] : [rule([fromThisNode], node ? mark : leave)]),
    ...(outside ? [rule([], mark)] : []),
  ];
}

/** Before anything else, for pods and the node too: only the frontend's source ranges are let in. */
function lowerSourceRanges(frontend: IrFrontend, chain: string, context: ServiceContext): string {
  const ranges = frontend.sourceRanges;
  if (ranges === null || ranges.some((range) => range.length === 0)) return chain;
  if (ranges.length === 0) return fixedChains.drop;
  const name = allowChainName(frontendIdentity(frontend));
  const rules = ranges.map((range) => rule(from(range), goTo(chain)));
  addChains([{ name, rules: [...rules, rule([], goTo(fixedChains.drop))] }], context);
  return name;
}

/** Names are hashes of identities; the kernel would merge two chains of one name. */
function addChains(chains: readonly IptablesChain[], context: ServiceContext): void {
  for (const chain of chains) {
    assert(!context.chains.has(chain.name), `two chains are named ${chain.name}`);
    context.chains.set(chain.name, chain);
  }
}
