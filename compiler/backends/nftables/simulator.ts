import { firstPacket, flowOf } from "../simulation.ts";
import type { PathStep, SimulatorKind } from "../simulator.ts";
import { nftablesConditions } from "./conditions.ts";
import { printRule } from "./print-rule.ts";
import type { NftProgram } from "./program.ts";
import { type NftPlace, simulateNftables } from "./simulate.ts";
import type { NftMemory, NftValue } from "./simulate-sets.ts";

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
    isForOwnListener: () => false,
    withoutEndpoints: (memory) => withoutNumbers(isMemory(memory) ? memory : new Map(), numbersOf(program)),
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

const numbers = new WeakMap<NftProgram, ReadonlySet<number>>();

/** Every number that an element of a map is found by. */
function numbersOf(program: NftProgram): ReadonlySet<number> {
  const known = numbers.get(program);
  if (known !== undefined) return known;
  const found = new Set<number>();
  for (const set of program.tables.flatMap(({ sets }) => sets)) {
    if (set.kind !== "map") continue;
    for (const { key } of set.elements) for (const atom of key) if (typeof atom === "number") found.add(atom);
  }
  numbers.set(program, found);
  return found;
}

/** Entries of numbers that no endpoint has, beside those that they had: of the same pool. */
function withoutNumbers(memory: NftMemory, taken: ReadonlySet<number>): NftMemory {
  const gone = (value: NftValue): NftValue => {
    if (typeof value !== "number") return value;
    let step = 1;
    while (taken.has(value ^ step)) step++;
    return value ^ step;
  };
  return new Map([...memory].map(([key, entry]) => [key, { ...entry, data: entry.data.map(gone) }]));
}
