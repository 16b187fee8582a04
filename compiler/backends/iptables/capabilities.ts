import type { Requirement } from "../backend.ts";
import type { BackendLimits } from "../limits.ts";
import type { IptablesMatch, IptablesProgram, IptablesRule, IptablesTarget } from "./program.ts";

/** What iptables cannot say of a spec. `recent` has a netmask, so clients can be grouped. */
export const iptablesLimits: BackendLimits = {
  backend: "iptables",
  spreading: "at random by weight",
  protocols: ["tcp", "udp", "sctp"],
  keepsSource: true,
};

/** Modules behind matches and targets, by kind; what is missing here is part of the tables themselves. */
const matchModules: Partial<Readonly<Record<IptablesMatch["kind"], string>>> = {
  comment: "xt_comment",
  mark: "xt_mark",
  "ct-mark": "xt_connmark",
  "address-type": "xt_addrtype",
  "ct-state": "xt_conntrack",
  "ct-status": "xt_conntrack",
  "ct-direction": "xt_conntrack",
  "ct-original-destination": "xt_conntrack",
  "ct-original-port": "xt_conntrack",
  statistic: "xt_statistic",
  recent: "xt_recent",
  set: "xt_set",
  ipvs: "xt_ipvs",
};

const targetModules: Partial<Readonly<Record<IptablesTarget["kind"], string>>> = {
  dnat: "xt_nat",
  redirect: "xt_REDIRECT",
  masquerade: "xt_MASQUERADE",
  mark: "xt_mark",
  "ct-mark": "xt_connmark",
  "map-set": "xt_set",
};

/** The tools and kernel modules behind these rules; other backends use it for their companion rules too. */
export function iptablesRequirements(program: IptablesProgram, neededBy: string): readonly Requirement[] {
  const requirements: Requirement[] = [];
  const modules = new Set<string>();
  for (const ruleset of [program.ipv4, program.ipv6]) {
    if (ruleset === null) continue;
    const isIpv4 = ruleset.family === "ipv4";
    // 1.6.2 is the first with --random-fully for MASQUERADE.
    const tools = isIpv4 ? ["iptables-restore", "iptables-save"] : ["ip6tables-restore", "ip6tables-save"];
    for (const name of tools) requirements.push({ kind: "tool", name, value: "1.6.2", neededBy });
    for (const table of ruleset.tables) {
      for (const chain of table.chains) for (const rule of chain.rules) addModules(rule, isIpv4, modules);
    }
  }
  for (const name of [...modules].sort()) requirements.push({ kind: "kernel-module", name, value: null, neededBy });
  return requirements;
}

function addModules(rule: IptablesRule, isIpv4: boolean, modules: Set<string>): void {
  for (const match of rule.matches) {
    const module = matchModules[match.kind];
    if (module !== undefined) modules.add(module);
    if (match.kind === "destination-port" && match.protocol === "sctp") modules.add("xt_sctp");
  }
  const { kind } = rule.target;
  if (kind === "reject") modules.add(isIpv4 ? "ipt_REJECT" : "ip6t_REJECT");
  const module = targetModules[kind];
  if (module !== undefined) modules.add(module);
}

/** Packets for endpoints elsewhere pass through the node, and so do those for VIPs that are to be refused. */
export function forwardingRequirements(program: IptablesProgram, neededBy: string): readonly Requirement[] {
  const sysctls = [
    ...(program.ipv4 === null ? [] : ["net.ipv4.ip_forward"]),
    ...(program.ipv6 === null ? [] : ["net.ipv6.conf.all.forwarding"]),
  ];
  return sysctls.map((name) => ({ kind: "sysctl", name, value: "1", neededBy }));
}
