import type { IpvsProgram } from "../../compiler/backends/ipvs/program.ts";
import type { IptablesFlavour } from "../../compiler/backends/step.ts";
import { suitsFlavour } from "./iptables.ts";
import { drainIpvs } from "./ipvs-drain.ts";
import { observeIpvs } from "./ipvs-observe.ts";
import { planIpvs } from "./ipvs-plan.ts";
import { restoreIpvs } from "./ipvs-restore.ts";
import { parseRest, snapshotOfRules } from "./ipvs-snapshot.ts";
import type { Plane } from "./plane.ts";

/**
 * Virtual servers, the sets and rules that lead packets to them, and what these need of routes and settings.
 * Settings stay as they are when weir leaves, since others may rely on them by then; only `restore` puts back what weir
 * changed, as long as it has the value that weir gave it. `flavour`: of iptables, for the rules; null: see `chooseFlavour`.
 */
export function ipvsPlaneWith(flavour: IptablesFlavour | null): Plane<IpvsProgram> {
  return {
    name: "ipvs",
    observe: async (host, hints) => (await observeIpvs(host, hints, flavour)).observed,
    plan: planIpvs,
    restore: restoreIpvs,
    facts: snapshotOfRules,
    suits: (facts) => suitsFlavour(parseRest(facts).rules, flavour),
    rulesIn: "iptables",
    // the kernel counts no changes of IPVS
    generation: async () => null,
    drain: drainIpvs,
  };
}

export const ipvsPlane: Plane<IpvsProgram> = ipvsPlaneWith(null);
