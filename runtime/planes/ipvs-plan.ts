import { deltaIpvs } from "../../compiler/backends/ipvs/delta.ts";
import { type MayFinish, withDraining } from "../../compiler/backends/ipvs/delta-draining.ts";
import { idText } from "../../compiler/backends/ipvs/delta-places.ts";
import { printForeignElements, printRoutingChanges } from "../../compiler/backends/ipvs/print-delta.ts";
import type { IpvsProgram, VirtualServer } from "../../compiler/backends/ipvs/program.ts";
import type { Step } from "../../compiler/backends/step.ts";
import { prefixContains } from "../../compiler/net/address.ts";
import { rulesPlane } from "./iptables.ts";
import { parseRest } from "./ipvs-snapshot.ts";
import type { Observed, PlanOptions } from "./plane.ts";

/**
 * Real servers that are not wanted any more go on with the connections they have, without new ones, until `drain` takes
 * them away. UDP is no exception when weir leaves IPVS, where its servers are still wanted; in a change of services it
 * is one: clients of a server that is gone would keep talking to it for as long as they use the same port.
 */
export function mayFinishIn(after: IpvsProgram | null): MayFinish {
  return (server, _real, protocol) => !server.onePacket && (protocol !== "udp" || after === null);
}

/** See Plane.plan. */
export function planIpvs(
  now: Observed<IpvsProgram>,
  after: IpvsProgram | null,
  options?: PlanOptions,
): readonly Step[] {
  const before = withoutOthers(now.program, after);
  const isGraceful = options?.atOnce !== true;
  const target = before !== null && isGraceful ? withDraining(before, after, mayFinishIn(after)) : after;
  return [...foreignSteps(now), ...deltaIpvs(before, target, { rules: rulesSteps(now) }), ...extraRuleSteps(now)];
}

/** Virtual servers in the ranges that are to be left alone are no one's to remove. */
export function withoutOthers(now: IpvsProgram | null, after: IpvsProgram | null): IpvsProgram | null {
  const ranges = (after ?? now)?.keptRanges ?? [];
  if (now === null || ranges.length === 0) return now;
  const wanted = new Set(after?.virtualServers.map((server) => idText(server.id)));
  const isOthers = ({ id }: VirtualServer) =>
    id.kind === "address" && ranges.some((range) => prefixContains(range, id.address)) && !wanted.has(idText(id));
  return { ...now, virtualServers: now.virtualServers.filter((server) => !isOthers(server)) };
}

/** Changes of rules as the plane of rules makes them: in the flavour of the node, around rules of others. */
export function rulesSteps(
  now: Observed<IpvsProgram>,
): (before: IpvsProgram["rules"], after: IpvsProgram["rules"]) => readonly Step[] {
  const { rules: snapshot } = parseRest(now.snapshot);
  return (before, after) => rulesPlane("ipvs").plan({ program: orNull(before), foreign: [], snapshot }, orNull(after));
}

/** The plane of rules knows null as none in either family. */
export function orNull(rules: IpvsProgram["rules"] | null): IpvsProgram["rules"] | null {
  return rules === null || (rules.ipv4 === null && rules.ipv6 === null) ? null : rules;
}

/** Elements that others put into weir's sets. They may stand in the way of weir's own, so they go first. */
function foreignSteps(now: Observed<IpvsProgram>): readonly Step[] {
  const { foreign } = parseRest(now.snapshot);
  return foreign.length === 0 ? [] : [printForeignElements(foreign)];
}

function extraRuleSteps(now: Observed<IpvsProgram>): readonly Step[] {
  const { extraRules } = parseRest(now.snapshot);
  if (extraRules.length === 0) return [];
  return [printRoutingChanges(extraRules.map(({ family, rule }) => ({ op: "delete-rule", family, rule })))];
}
