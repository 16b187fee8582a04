import type { IptablesJump, IptablesProgram } from "../../compiler/backends/iptables/program.ts";
import type { IpvsProgram } from "../../compiler/backends/ipvs/program.ts";
import type { NftProgram } from "../../compiler/backends/nftables/program.ts";
import { families } from "../../compiler/net/address.ts";
import type { BackendProgram } from "../desired/programs.ts";
import { rulesOf } from "./observe.ts";

/** Something that all services rely on is not there, and what that means for traffic. */
export interface StructureDrift {
  /** In the kernel's words: `table ip weir`, `jump from OUTPUT to WEIR-SERVICES in table nat (ipv4)` */
  readonly object: string;
  readonly meaning: string;
}

/** What is missing as a whole. `kernel` is null when there is nothing of weir's in the plane. */
export function compareStructure(kernel: BackendProgram | null, desired: BackendProgram): readonly StructureDrift[] {
  switch (desired.backend) {
    case "nftables":
      return nftStructure(kernel?.backend === "nftables" ? kernel.program : { tables: [] }, desired.program);
    case "iptables":
      return iptablesStructure(rulesIn(kernel), desired.program);
    case "userspace":
      return iptablesStructure(rulesIn(kernel), desired.program.rules);
    case "ipvs":
      return ipvsStructure(kernel?.backend === "ipvs" ? kernel.program : null, desired.program);
  }
}

const noRules: IptablesProgram = { ipv4: null, ipv6: null };

function rulesIn(kernel: BackendProgram | null): IptablesProgram {
  return (kernel === null ? null : rulesOf(kernel)) ?? noRules;
}

function nftStructure(kernel: NftProgram, desired: NftProgram): readonly StructureDrift[] {
  return desired.tables.flatMap((table): readonly StructureDrift[] => {
    const found = kernel.tables.find(({ family }) => family === table.family);
    const where = `table ${table.family} ${table.name}`;
    const version = table.family === "ip" ? "IPv4" : "IPv6";
    if (found === undefined) return [{ object: where, meaning: `no ${version} service is served by it` }];
    const names = new Map(found.chains.map((chain) => [chain.name, chain]));
    return table.chains.flatMap((chain): readonly StructureDrift[] => {
      if (chain.kind !== "base") return [];
      const now = names.get(chain.name);
      if (now?.kind === "base" && now.hook === chain.hook && now.rules.length > 0) return [];
      return [{ object: `chain ${chain.name} of ${where}`, meaning: hookMeaning("nat", chain.hook, version) }];
    });
  });
}

function hookMeaning(table: string, hook: string, version: string): string {
  if (table === "filter") return `${version} connections that are to be refused are not`;
  switch (hook.toLowerCase()) {
    case "prerouting":
      return `${version} packets that arrive here reach no service`;
    case "output":
      return `this node's own ${version} connections reach no service`;
    default:
      return table === "mangle"
        ? `marks stay on ${version} packets that leave the node`
        : `${version} connections are not masqueraded, so answers may miss this node`;
  }
}

function iptablesStructure(kernel: IptablesProgram, desired: IptablesProgram): readonly StructureDrift[] {
  return families.flatMap((family): readonly StructureDrift[] => {
    const wanted = desired[family];
    if (wanted === null) return [];
    const version = family === "ipv4" ? "IPv4" : "IPv6";
    const now = kernel[family];
    if (now === null) {
      return [{ object: `all chains of weir's (${family})`, meaning: `no ${version} service is served` }];
    }
    return [
      ...wanted.tables
        .filter(({ name }) => !now.tables.some((table) => table.name === name))
        .map(({ name }) => ({
          object: `weir's chains of table ${name} (${family})`,
          meaning: name === "nat" ? `no ${version} service is served` : hookMeaning(name, "prerouting", version),
        })),
      ...wanted.jumps
        .filter((jump) => !now.jumps.some((each) => sameJump(each, jump)))
        .map((jump) => {
          const isThere = now.jumps.some((each) => sameJump({ ...each, position: jump.position }, jump));
          return {
            object: `jump from ${jump.chain} to ${jump.target} in table ${jump.table} (${family})`,
            meaning: isThere
              ? `rules of others come ${jump.position === "first" ? "before" : "after"} weir's`
              : hookMeaning(jump.table, jump.chain, version),
          };
        }),
    ];
  });
}

function sameJump(a: IptablesJump, b: IptablesJump): boolean {
  return a.table === b.table && a.chain === b.chain && a.target === b.target && a.position === b.position;
}

function ipvsStructure(kernel: IpvsProgram | null, desired: IpvsProgram): readonly StructureDrift[] {
  const structure = [...iptablesStructure(kernel?.rules ?? noRules, desired.rules)];
  if (desired.virtualServers.length > 0 && (kernel?.virtualServers.length ?? 0) === 0) {
    structure.push({ object: "all virtual servers", meaning: "no service is served" });
  }
  for (const { name, elements } of desired.sets) {
    const now = kernel?.sets.find((set) => set.name === name);
    if (now === undefined) structure.push({ object: `set ${name}`, meaning: "no packet is found in it" });
    else if (now.elements.length === 0 && elements.length > 0) {
      structure.push({ object: `all elements of set ${name}`, meaning: "no packet is found in it" });
    }
  }
  for (const family of families) {
    const wanted = desired.routing[family];
    if (wanted === null) continue;
    const now = kernel?.routing[family] ?? null;
    const version = family === "ipv4" ? "IPv4" : "IPv6";
    const meaning = `${version} packets for service addresses that arrive here do not reach IPVS`;
    if (now === null || now.rule.mark !== wanted.rule.mark || now.rule.table !== wanted.rule.table) {
      structure.push({ object: `routing rule ${wanted.rule.priority} (${family})`, meaning });
      continue;
    }
    const routes = new Set(now.prefixes.map(({ text }) => text));
    for (const { text } of wanted.prefixes) {
      if (routes.has(text)) continue;
      structure.push({ object: `local route ${text} of table ${wanted.rule.table}`, meaning });
    }
  }
  for (const { name, value } of desired.sysctls) {
    const now = kernel?.sysctls.find((each) => each.name === name)?.value ?? null;
    if (kernel === null || now === value) continue;
    structure.push({ object: `setting ${name}`, meaning: `it is ${now ?? "not there"}, and should be ${value}` });
  }
  return structure;
}
