import { chainKeys, ruleStep } from "../iptables/simulator.ts";
import { firstPacket } from "../simulation.ts";
import type { PathStep, ServerFacts, SimulatorKind } from "../simulator.ts";
import { ipvsConditions } from "./conditions.ts";
import { printServer } from "./print-servers.ts";
import type { ForwardingMethod, IpvsProgram, VirtualServer } from "./program.ts";
import { type IpvsMemory, type IpvsPlace, simulateIpvs } from "./simulate.ts";
import { simulateOther } from "./simulate-others.ts";

export const ipvsSimulator: SimulatorKind<IpvsProgram> = {
  conditions: ipvsConditions,
  open: (program, surroundings) => {
    const keys = chainKeys(program.rules);
    const stepOf = (place: IpvsPlace): PathStep =>
      "virtualServer" in place
        ? { place: "virtual server", rule: printServer(place.virtualServer), key: place.virtualServer.key }
        : ruleStep(place, keys());
    return {
      send: (packet, memory, secondsLater = 0) =>
        simulateIpvs(
          program,
          surroundings,
          packet,
          isMemory(memory) ? memory : undefined,
          secondsLater === 0 ? undefined : { ...firstPacket, secondsLater },
        ).map((branch) => ({
          ...branch,
          path: () => branch.path().map(stepOf),
        })),
      isForOwnListener: () => false,
      withoutEndpoints: (memory) =>
        new Map([...(isMemory(memory) ? memory : [])].map(([key, real]) => [key, { ...real, port: 0 }])),
      sendOther: (packet, kind) =>
        simulateOther(program, surroundings, packet, kind).map((branch) => ({
          ...branch,
          server: branch.virtualServer === null ? null : factsOf(branch.virtualServer, program),
          path: () => branch.path.map(stepOf),
        })),
    };
  },
};

function factsOf(server: VirtualServer, { timeouts }: IpvsProgram): ServerFacts {
  const { scheduler, schedulerFlags, onePacket, realServers } = server;
  const endpoints = realServers.map(({ method, ...real }) => ({ ...real, forwarding: methodWords(method) }));
  return { scheduler, schedulerFlags, onePacket, endpoints, timeouts };
}

function methodWords(method: ForwardingMethod): string {
  if (method.kind !== "tunnel") return method.kind === "masq" ? "nat" : "direct";
  return method.port === null ? `tunnel ${method.type}` : `tunnel ${method.type} ${method.port}`;
}

function isMemory(memory: unknown): memory is IpvsMemory {
  return memory instanceof Map;
}
