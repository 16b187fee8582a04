import type { Host } from "../host/host.ts";
import type { NodeFacts } from "./facts.ts";
import type { ForeignUse } from "./foreign.ts";
import { probeKernel, probeModules, probePrivileges } from "./kernel.ts";
import { probeListeners } from "./listeners.ts";
import { type Machine, thisMachine } from "./machine.ts";
import { findManagers } from "./managers.ts";
import { readForeignUse } from "./read-foreign.ts";
import { probeSysctls } from "./sysctls.ts";
import { probeTools } from "./tools.ts";

/** What a node is, and what others do there. */
export interface Probe {
  readonly facts: NodeFacts;
  readonly foreign: ForeignUse;
}

/**
 * Looks at a node without changing anything, and without privileges as far as that goes: what it may not see is in
 * `facts.unseen`. It runs some twenty short processes and lists all rules once.
 */
export async function probeNode(host: Host, machine: Machine = thisMachine): Promise<Probe> {
  const [kernel, privileges, tools, sysctls, listeners, foreign] = await Promise.all([
    probeKernel(host, machine),
    probePrivileges(host),
    probeTools(host),
    probeSysctls(host),
    probeListeners(host),
    readForeignUse(host),
  ]);
  const modules = await probeModules(host, machine, kernel.release);
  const managers = await findManagers(host, machine, foreign);
  const facts = { kernel, privileges, modules, tools, sysctls, managers, listeners, unseen: foreign.unseen };
  return { facts, foreign };
}
