import type { Packet } from "../packet.ts";
import { firstPacket, flowOf, type OtherKind, type Surroundings } from "../simulation.ts";
import type { OtherWay, PathStep, SimulatorKind } from "../simulator.ts";
import { iptablesConditions } from "./conditions.ts";
import { namedChains } from "./named-chains.ts";
import { printRule } from "./print.ts";
import type { IptablesProgram, IptablesRule } from "./program.ts";
import { type IptablesBranch, simulateIptables } from "./simulate.ts";
import type { IptablesPlace } from "./simulate-index.ts";
import type { RecentMemory } from "./simulate-match.ts";

/** The keys of service ports by chain. */
export function chainKeys(program: IptablesProgram): () => ReadonlyMap<string, string | null> {
  let keys: ReadonlyMap<string, string | null> | null = null;
  return () => {
    keys ??= new Map(namedChains(program).map(({ name, key }) => [name, key]));
    return keys;
  };
}

function commentOf(rule: IptablesRule): string | null {
  for (const match of rule.matches) if (match.kind === "comment") return match.text;
  return null;
}

/** A rule as a step of a path: in a chain of one service port it belongs to that, as one with its comment does. */
export function ruleStep({ table, chain, rule }: IptablesPlace, keys: ReadonlyMap<string, string | null>): PathStep {
  return {
    place: `${table} ${chain}`,
    rule: `-A ${chain}${printRule(rule)}`,
    key: keys.get(chain) ?? commentOf(rule),
  };
}

export const iptablesSimulator: SimulatorKind<IptablesProgram> = {
  conditions: (program) => iptablesConditions(program),
  open: (program, surroundings) => {
    const keys = chainKeys(program);
    return {
      send: (packet, memory, secondsLater = 0) =>
        simulateIptables(
          program,
          surroundings,
          packet,
          isMemory(memory) ? memory : undefined,
          secondsLater === 0 ? undefined : { ...firstPacket, secondsLater },
        ).map((branch: IptablesBranch) => ({
          ...branch,
          path: () => branch.path().map((place) => ruleStep(place, keys())),
        })),
      sendOther: (packet, kind) => othersThrough(program, surroundings, packet, kind, keys),
      isForOwnListener: () => false,
      // an endpoint has a list of its own, which nothing asks for when it has gone
      withoutEndpoints: (memory) =>
        new Map([...(isMemory(memory) ? memory : [])].map(([entry, age]) => [`gone-${entry}`, age])),
    };
  },
};

/** Packets of other kinds through rules that translate; also for the rules of other backends. */
export function othersThrough(
  program: IptablesProgram,
  surroundings: Surroundings,
  packet: Packet,
  kind: OtherKind,
  keys: () => ReadonlyMap<string, string | null>,
): readonly OtherWay[] {
  return simulateIptables(program, surroundings, packet, undefined, flowOf(kind, true)).map((branch) => ({
    end: branch.end,
    traces: branch.traces,
    reachesIpvs: null,
    server: null,
    path: () => branch.path().map((place) => ruleStep(place, keys())),
  }));
}

function isMemory(memory: unknown): memory is RecentMemory {
  return memory instanceof Map;
}
