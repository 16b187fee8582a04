import { families } from "../../net/address.ts";
import { ipvsChainPrefix, strangerInRules } from "../iptables/own.ts";
import { hex, routingPriority, routingTable, setNames, sysctlNames, sysctlValues } from "./names.ts";
import type { IpvsProgram, LocalRouting } from "./program.ts";

/**
 * The first thing in a program that lowering never makes because it is not weir's, as a phrase: a set of another name,
 * another routing table, a kernel setting that is none of those weir asks for. null when there is none.
 */
export function strangerInIpvs(program: IpvsProgram): string | null {
  for (const { name, family } of program.sets) {
    if (!setNames(family).includes(name)) return `the set ${name}, which is not weir's`;
  }
  for (const { name, value } of program.sysctls) {
    const known = Object.values(sysctlNames).find((each) => each === name);
    if (known === undefined) return `the kernel setting ${name}, which is none of weir's`;
    if (sysctlValues[known] !== value) return `the kernel setting ${name} = ${value}, which weir never asks for`;
  }
  for (const family of families) {
    const routing = program.routing[family];
    const found = routing === null ? null : strangerInRouting(routing);
    if (found !== null) return found;
  }
  const sets = new Set(program.sets.map(({ name }) => name));
  return strangerInRules(program.rules, { isOwnChain: (name) => name.startsWith(ipvsChainPrefix), sets });
}

/** A rule that matches more than one bit of weir's, or a route for every address, takes the node off its network. */
function strangerInRouting({ rule, prefixes }: LocalRouting): string | null {
  const { priority, mark, mask, table } = rule;
  if (table !== routingTable) return `the routing table ${table}, which is not weir's`;
  if (priority !== routingPriority) return `a routing rule of priority ${priority}, which is not weir's`;
  const isOneBit = mark !== 0 && Number.isInteger(Math.log2(mark));
  if (mark !== mask || !isOneBit) return `a routing rule for the mark ${hex(mark)}/${hex(mask)}, which is not weir's`;
  const all = prefixes.find(({ length }) => length === 0);
  return all === undefined ? null : `a local route for ${all.text}, which is every address`;
}
