import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import type { IrFrontend, IrService, NodeIr } from "../../ir/ir.ts";
import { isConcerned } from "../../ir/lookup.ts";
import type { Family } from "../../net/address.ts";
import { compareText } from "../../net/order.ts";
import type { Lowered } from "../backend.ts";
import { settingsBeyond } from "../limits.ts";
import { iptablesLimits } from "./capabilities.ts";
import { addressTree, hairpinTree, nodePortTree, servicesChain } from "./lower-dispatch.ts";
import { lowerServicePort } from "./lower-service.ts";
import type { IptablesChain, IptablesProgram, IptablesRuleset, IptablesTarget } from "./program.ts";
import { goTo } from "./rules.ts";
import { jumps, postroutingChains, verdictChains, verdictMarkChains } from "./skeleton.ts";

/** The rules of one node. A family in which nothing is served or refused has none. */
export function lowerIptables(ir: NodeIr): Lowered<IptablesProgram> {
  const diagnostics: readonly Diagnostic[] = settingsBeyond(iptablesLimits, ir);
  return { program: { ipv4: lowerFamily(ir, "ipv4"), ipv6: lowerFamily(ir, "ipv6") }, diagnostics };
}

function lowerFamily(ir: NodeIr, family: Family): IptablesRuleset | null {
  if (!isConcerned(ir, family)) return null;
  const { marks } = ir;
  const chains = new Map<string, IptablesChain>();
  const context = { detector: ir.detector[family], marks, chains, shared: new Map() };
  const entries = new Map<IrFrontend, IptablesTarget>();
  for (const service of ir.services) {
    for (const frontends of servicePorts(service, family)) {
      for (const [frontend, entry] of lowerServicePort(frontends, context)) entries.set(frontend, goTo(entry));
    }
  }
  const addresses = addressTree(ir, family, entries);
  const nodePorts = nodePortTree(ir, family, entries);
  const hairpins = hairpinTree(ir, family);
  const nat = [
    servicesChain(ir, family, [...addresses, ...nodePorts]),
    ...verdictMarkChains(marks),
    ...postroutingChains(marks, hairpins.length > 0),
    ...addresses,
    ...nodePorts,
    ...hairpins,
    ...chains.values(),
  ];
  return {
    family,
    tables: [
      { name: "filter", chains: verdictChains(family, marks) },
      { name: "nat", chains: nat.sort((a, b) => compareText(a.name, b.name)) },
    ],
    jumps,
  };
}

/** A service's frontends of one family, by service port. */
export function servicePorts(service: IrService, family: Family): Iterable<readonly IrFrontend[]> {
  const ports = new Map<string, IrFrontend[]>();
  for (const frontend of service.frontends) {
    if (frontend.family !== family) continue;
    const identity = `${frontend.key} ${frontend.protocol}`;
    const known = ports.get(identity);
    if (known === undefined) ports.set(identity, [frontend]);
    else known.push(frontend);
  }
  return ports.values();
}
