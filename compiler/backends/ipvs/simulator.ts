import { chainKeys, ruleStep } from "../iptables/simulator.ts";
import type { PathStep, SimulatorKind } from "../simulator.ts";
import { ipvsConditions } from "./conditions.ts";
import { printServer } from "./print-servers.ts";
import type { IpvsProgram } from "./program.ts";
import { type IpvsMemory, type IpvsPlace, simulateIpvs } from "./simulate.ts";

export const ipvsSimulator: SimulatorKind<IpvsProgram> = {
  conditions: ipvsConditions,
  open: (program, surroundings) => {
    const keys = chainKeys(program.rules);
    const stepOf = (place: IpvsPlace): PathStep =>
      "virtualServer" in place
        ? { place: "virtual server", rule: printServer(place.virtualServer), key: place.virtualServer.key }
        : ruleStep(place, keys());
    return {
      send: (packet, memory) =>
        simulateIpvs(program, surroundings, packet, isMemory(memory) ? memory : undefined).map((branch) => ({
          ...branch,
          path: () => branch.path.map(stepOf),
        })),
    };
  },
};

function isMemory(memory: unknown): memory is IpvsMemory {
  return memory instanceof Map;
}
