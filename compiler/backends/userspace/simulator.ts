import { families, hostPrefix } from "../../net/address.ts";
import { formatSocket } from "../../net/socket.ts";
import { anything, type Condition, onePort } from "../condition.ts";
import { iptablesConditions } from "../iptables/conditions.ts";
import { chainKeys, othersThrough, ruleStep } from "../iptables/simulator.ts";
import { isLocal } from "../simulation.ts";
import type { PathStep, ServerFacts, SimulatorKind } from "../simulator.ts";
import type { ProxyListener, ProxyProgram, ProxyTable } from "./program.ts";
import { listenerAt, type ProxyBranch, type ProxyMemory, type ProxyPlace, simulateUserspace } from "./simulate.ts";
import { simulateTable } from "./simulate-table.ts";

export const userspaceSimulator: SimulatorKind<ProxyProgram> = {
  conditions: ({ rules, table }) => [
    ...iptablesConditions(rules),
    ...table.listeners.map(listenerCondition),
    ...tableConditions(table),
  ],
  open: (program, surroundings) => {
    const keys = chainKeys(program.rules);
    const stepOf = (place: ProxyPlace): PathStep =>
      "listener" in place
        ? { place: "listener", rule: printListener(place.listener), key: place.listener.key }
        : ruleStep(place, keys());
    return {
      send: (packet, memory, secondsLater) =>
        simulateUserspace(program, surroundings, packet, isMemory(memory) ? memory : undefined, secondsLater).map(
          (branch) => ({
            ...branch,
            path: () => branch.path().map(stepOf),
          }),
        ),
      isForOwnListener: ({ destination, port, protocol }) =>
        isLocal(surroundings, destination) && listenerAt(program.table.listeners, protocol, destination, port) !== null,
      sendWithoutRules: (packet) =>
        simulateTable(program.table, surroundings, packet)?.map((branch) => ({
          ...branch,
          path: () => branch.path().map(stepOf),
        })) ?? null,
      withoutEndpoints: (memory) =>
        new Map([...(isMemory(memory) ? memory : [])].map(([key, endpoint]) => [key, { ...endpoint, port: 0 }])),
      sendOther: (packet, kind) => {
        const ways = othersThrough(program.rules, surroundings, packet, kind, keys);
        if (kind !== "later") return ways;
        const listener = listenerOf(simulateUserspace(program, surroundings, packet));
        return listener === null ? ways : ways.map((way) => ({ ...way, server: factsOf(listener) }));
      },
    };
  },
};

/** What the table asks where no rules are. */
function tableConditions({ frontends, pods, nodePortAddresses }: ProxyTable): readonly Condition[] {
  const ofFamilies = families.flatMap((family): readonly Condition[] => {
    const [detector, selection] = [pods[family], nodePortAddresses[family]];
    const empty = anything(family);
    return [
      ...(detector.kind === "prefixes" ? detector.prefixes.map((source) => ({ ...empty, source })) : []),
      ...(selection.kind === "prefixes" ? selection.prefixes.map((destination) => ({ ...empty, destination })) : []),
    ];
  });
  const ofFrontends = frontends.flatMap(({ family, address, protocol, port, sourceRanges }): readonly Condition[] => {
    const destination = address === null ? null : hostPrefix(address);
    const place = { ...anything(family), destination, protocol, ports: onePort(port) };
    const ranges = (sourceRanges ?? []).filter((range) => range.address.family === family);
    return [place, ...ranges.map((source) => ({ ...place, source }))];
  });
  return [...ofFamilies, ...ofFrontends];
}

/** Whoever asks for a listener's own port is told from others, though no rule may say so. */
function listenerCondition({ family, protocol, address, port }: ProxyListener): Condition {
  const destination = address === null ? null : hostPrefix(address);
  return { ...anything(family), destination, protocol, ports: onePort(port) };
}

/** The one that the connection's first packet came to. */
function listenerOf(branches: readonly ProxyBranch[]): ProxyListener | null {
  const last = branches[0]?.path().at(-1);
  return last !== undefined && "listener" in last ? last.listener : null;
}

const noTimeouts = { tcp: 0, tcpFin: 0, udp: 0 };

function factsOf({ scheduler, endpoints, drained }: ProxyListener): ServerFacts {
  const plain = { upperThreshold: 0, lowerThreshold: 0, forwarding: "nat" };
  return {
    scheduler,
    schedulerFlags: [],
    onePacket: false,
    endpoints: [...endpoints, ...drained.map((socket) => ({ ...socket, weight: 0 }))].map((one) => ({
      ...plain,
      ...one,
    })),
    timeouts: noTimeouts,
  };
}

function printListener({ name, protocol, address, port }: ProxyListener): string {
  return `${name} ${protocol} ${address === null ? `port ${port}` : formatSocket(address, port)}`;
}

function isMemory(memory: unknown): memory is ProxyMemory {
  return memory instanceof Map;
}
