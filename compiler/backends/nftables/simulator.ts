import { firstPacket, flowOf } from "../simulation.ts";
import type { PathStep, SimulatorKind } from "../simulator.ts";
import { nftablesConditions } from "./conditions.ts";
import { printRule } from "./print-rule.ts";
import type { NftProgram } from "./program.ts";
import { type NftPlace, simulateNftables } from "./simulate.ts";
import type { NftMemory } from "./simulate-sets.ts";

export const nftablesSimulator: SimulatorKind<NftProgram> = {
  conditions: nftablesConditions,
  open: (program, surroundings) => ({
    send: (packet, memory, secondsLater = 0) =>
      simulateNftables(
        program,
        surroundings,
        packet,
        isMemory(memory) ? memory : undefined,
        secondsLater === 0 ? undefined : { ...firstPacket, secondsLater },
      ).map((branch) => ({
        ...branch,
        path: () => branch.path().map(stepOf),
      })),
    sendOther: (packet, kind) =>
      simulateNftables(program, surroundings, packet, undefined, flowOf(kind, true)).map((branch) => ({
        ...branch,
        reachesIpvs: null,
        server: null,
        path: () => branch.path().map(stepOf),
      })),
  }),
};

/** With the element that sent the packet on, whose comment names the service port. */
function stepOf({ family, chain, rule, element }: NftPlace): PathStep {
  const text = printRule(rule, family);
  return {
    place: `${family} weir ${chain}`,
    rule: element === null ? text : `${text}    # ${element.text}`,
    key: element?.key ?? null,
  };
}

function isMemory(memory: unknown): memory is NftMemory {
  return memory instanceof Map;
}
