import { families } from "../../net/address.ts";
import type { NamedObject, Requirement } from "../backend.ts";
import { iptablesRequirements } from "../iptables/capabilities.ts";
import { hex } from "./names.ts";
import { printId } from "./print-servers.ts";
import { type IpvsProgram, setTypes } from "./program.ts";

/** What the node must have. Kernel 4.19 has every scheduler and set extension in use; before 5.9 see sysctl.conf. */
export function requirementsOf(program: IpvsProgram): readonly Requirement[] {
  if (program.sets.length === 0) return [];
  const needs = new Map<string, string>();
  const need = (name: string, why: string) => {
    if (!needs.has(name)) needs.set(name, why);
  };
  need("ip_vs", "virtual servers");
  for (const { scheduler } of program.virtualServers) need(`ip_vs_${scheduler}`, `scheduler ${scheduler}`);
  for (const set of program.sets) need(`ip_set_${setTypes[set.kind].replace(":", "_").replaceAll(",", "")}`, "sets");
  return [
    { kind: "kernel", name: "linux", value: "4.19", neededBy: "ipvs" },
    ...[...needs].map(([name, neededBy]) => ({ kind: "kernel-module" as const, name, value: null, neededBy })),
    { kind: "tool", name: "ipset", value: "6.22", neededBy: "sets with marks" },
    { kind: "tool", name: "ip", value: null, neededBy: "routes" },
    ...iptablesRequirements(program.rules, "rules"),
    ...program.sysctls.map(({ name, value }) => ({ kind: "sysctl" as const, name, value, neededBy: "ipvs" })),
  ];
}

/**
 * Chains, sets, and virtual servers as ipvsadm names them in its commands: `-t 10.96.0.10:80`, `-f 1610613042`; their
 * marks also as ipset lists them: `0x60000032`.
 */
export function namesOf(program: IpvsProgram): readonly NamedObject[] {
  const names = new Map<string, string | null>();
  for (const { name } of program.sets) names.set(name, null);
  for (const family of families) {
    for (const table of program.rules[family]?.tables ?? []) {
      for (const chain of table.chains) names.set(chain.name, null);
    }
  }
  for (const { id, key } of program.virtualServers) {
    names.set(printId(id), key);
    if (id.kind === "mark") names.set(hex(id.mark), key);
  }
  return [...names].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, key]) => ({ name, key }));
}
