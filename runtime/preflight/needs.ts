import type { IptablesProgram } from "../../compiler/backends/iptables/program.ts";
import type { Requirement } from "../../compiler/index.ts";
import { families } from "../../compiler/net/address.ts";
import type { BackendProgram } from "../desired/programs.ts";

/**
 * The service ports that need a requirement, where not all of them do: a scheduler, SCTP, affinity of iptables.
 * Sorted; empty for what everything needs.
 */
export function servicesNeeding(requirement: Requirement, desired: BackendProgram): readonly string[] {
  if (requirement.kind !== "kernel-module") return [];
  const scheduler = /^ip_vs_([a-z]+)$/.exec(requirement.name)?.[1];
  if (desired.backend === "ipvs" && scheduler !== undefined) {
    const servers = desired.program.virtualServers.filter((server) => server.scheduler === scheduler);
    return distinct(servers.flatMap(({ key }) => key ?? []));
  }
  if (desired.backend === "nftables") return [];
  const rules = desired.backend === "iptables" ? desired.program : desired.program.rules;
  if (requirement.name === "xt_sctp") return keysOfRules(rules, "sctp");
  if (requirement.name === "xt_recent") return keysOfRules(rules, "recent");
  return [];
}

/** Keys from comments: of lines for SCTP ports, and of those that lead to chains with affinity. */
function keysOfRules(program: IptablesProgram, wanted: "sctp" | "recent"): readonly string[] {
  const keys: string[] = [];
  for (const family of families) {
    for (const { chains } of program[family]?.tables ?? []) {
      const recent = new Set(
        chains.flatMap(({ name, rules }) =>
          rules.some(({ matches }) => matches.some(({ kind }) => kind === "recent")) ? [name] : [],
        ),
      );
      for (const { matches, target } of chains.flatMap(({ rules }) => rules)) {
        const key = matches.find((match) => match.kind === "comment")?.text;
        if (key === undefined) continue;
        const isSctp = matches.some((match) => match.kind === "destination-port" && match.protocol === "sctp");
        const isSticky = "chain" in target && recent.has(target.chain);
        if (wanted === "sctp" ? isSctp : isSticky) keys.push(key);
      }
    }
  }
  return distinct(keys);
}

function distinct(keys: readonly string[]): readonly string[] {
  return [...new Set(keys)].sort();
}
