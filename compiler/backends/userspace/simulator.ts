import { formatSocket } from "../../net/socket.ts";
import { iptablesConditions } from "../iptables/conditions.ts";
import { chainKeys, ruleStep } from "../iptables/simulator.ts";
import type { PathStep, SimulatorKind } from "../simulator.ts";
import type { ProxyListener, ProxyProgram } from "./program.ts";
import { type ProxyMemory, type ProxyPlace, simulateUserspace } from "./simulate.ts";

export const userspaceSimulator: SimulatorKind<ProxyProgram> = {
  conditions: ({ rules }) => iptablesConditions(rules),
  open: (program, surroundings) => {
    const keys = chainKeys(program.rules);
    const stepOf = (place: ProxyPlace): PathStep =>
      "listener" in place
        ? { place: "listener", rule: printListener(place.listener), key: place.listener.key }
        : ruleStep(place, keys());
    return {
      send: (packet, memory) =>
        simulateUserspace(program, surroundings, packet, isMemory(memory) ? memory : undefined).map((branch) => ({
          ...branch,
          path: () => branch.path.map(stepOf),
        })),
    };
  },
};

function printListener({ name, protocol, address, port }: ProxyListener): string {
  return `${name} ${protocol} ${address === null ? `port ${port}` : formatSocket(address, port)}`;
}

function isMemory(memory: unknown): memory is ProxyMemory {
  return memory instanceof Map;
}
