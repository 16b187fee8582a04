import { families } from "../../net/address.ts";
import type { NamedObject, Requirement } from "../backend.ts";
import type { IptablesMatch, IptablesTarget } from "../iptables/program.ts";
import { printId } from "./print-servers.ts";
import { type IpvsProgram, setTypes } from "./program.ts";

/** Modules that must be there, by what of the program needs them. */
const matchModules: Partial<Record<IptablesMatch["kind"], string>> = {
  mark: "xt_mark",
  "ct-mark": "xt_connmark",
  "address-type": "xt_addrtype",
  "ct-state": "xt_conntrack",
  "ct-direction": "xt_conntrack",
  comment: "xt_comment",
  set: "xt_set",
  ipvs: "xt_ipvs",
};

const targetModules: Partial<Record<IptablesTarget["kind"], string>> = {
  mark: "xt_mark",
  "ct-mark": "xt_connmark",
  "map-set": "xt_set",
  masquerade: "xt_MASQUERADE",
};

/** What the node must have. Kernel 4.19 has every scheduler and set extension in use; before 5.9 see sysctl.conf. */
export function requirementsOf(program: IpvsProgram): readonly Requirement[] {
  if (program.sets.length === 0) return [];
  const needs = new Map<string, string>();
  const need = (name: string, why: string) => {
    if (!needs.has(name)) needs.set(name, why);
  };
  need("ip_vs", "virtual servers");
  for (const server of program.virtualServers) {
    need(`ip_vs_${server.scheduler}`, `scheduler ${server.scheduler}`);
    for (const { method } of server.realServers) {
      if (method.kind === "tunnel")
        need(method.type === "gre" ? "ip_gre" : method.type === "gue" ? "fou" : "ipip", "forward tunnel");
    }
  }
  for (const set of program.sets) need(`ip_set_${setTypes[set.kind].replace(":", "_").replaceAll(",", "")}`, "sets");
  for (const { matches, target } of rulesOf(program)) {
    for (const match of matches) {
      const module = matchModules[match.kind];
      if (module !== undefined) need(module, "rules");
    }
    const module = targetModules[target.kind];
    if (module !== undefined) need(module, "rules");
  }
  return [
    { kind: "kernel", name: "linux", value: "4.19", neededBy: "ipvs" },
    ...[...needs].map(([name, neededBy]) => ({ kind: "kernel-module" as const, name, value: null, neededBy })),
    { kind: "tool", name: "ipset", value: "6.22", neededBy: "sets with marks" },
    { kind: "tool", name: "ip", value: null, neededBy: "routes" },
    ...families.flatMap((family) =>
      program.rules[family] === null
        ? []
        : [{ kind: "tool" as const, name: restoreTools[family], value: "1.6.2", neededBy: "rules" }],
    ),
    ...program.sysctls.map(({ name, value }) => ({ kind: "sysctl" as const, name, value, neededBy: "ipvs" })),
  ];
}

const restoreTools = { ipv4: "iptables-restore", ipv6: "ip6tables-restore" } as const;

function rulesOf(program: IpvsProgram) {
  return families.flatMap((family) =>
    (program.rules[family]?.tables ?? []).flatMap((table) => table.chains.flatMap((chain) => chain.rules)),
  );
}

/** Chains, sets, and virtual servers as ipvsadm names them in its commands: `-t 10.96.0.10:80`, `-f 1610613042`. */
export function namesOf(program: IpvsProgram): readonly NamedObject[] {
  const names = new Map<string, string | null>();
  for (const { name } of program.sets) names.set(name, null);
  for (const family of families) {
    for (const table of program.rules[family]?.tables ?? []) {
      for (const chain of table.chains) names.set(chain.name, null);
    }
  }
  for (const { id, key } of program.virtualServers) names.set(printId(id), key);
  return [...names].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, key]) => ({ name, key }));
}
