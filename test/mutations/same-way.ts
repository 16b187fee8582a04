import type { Condition } from "../../compiler/backends/condition.ts";
import type { Packet } from "../../compiler/backends/packet.ts";
import { endingsOf, type OtherKind, otherKinds, type Traces } from "../../compiler/backends/simulation.ts";
import { loadSimulator, type OtherWay, type Simulator, type Way } from "../../compiler/backends/simulator.ts";
import type { NodeIr } from "../../compiler/ir/ir.ts";
import { isNodeAddress } from "../../compiler/ir/lookup.ts";
import { families } from "../../compiler/net/address.ts";
import { formatFraction } from "../../compiler/net/fraction.ts";
import { protocols } from "../../compiler/net/port.ts";
import { packetClasses } from "../../compiler/verify/classes.ts";
import {
  addressRepresentatives,
  interfaceRepresentatives,
  portRepresentatives,
} from "../../compiler/verify/representatives.ts";
import { foreignMarkOf } from "../../compiler/verify/traces.ts";
import { chanceOf } from "./chance.ts";
import type { Subject } from "./judge.ts";

/** What two programs do to packets: nobody can tell them apart, or who can. */
export type Sameness = "untouched" | "same" | "own marks" | "differs";

/** Packets that are thrown together from all boundaries at once, past the reductions that the classes of verify make. */
const thrown = 60;

/** Of the classes, which verify has followed already, so many for one that is followed again. */
const classesForOne = 4;

/**
 * Holds a mutant to the program that it was made from, and not to the spec: packets of the classes that either of them
 * has, and some at random; as the first of a connection and as all others; new clients and returning ones. They must
 * end alike, in equal shares, with the same marks. `untouched`: they meet the same rules, word by word. `own marks`: only
 * a packet that comes with a bit of weir's own is treated otherwise.
 */
export async function sameness(subject: Subject, mutant: unknown): Promise<Sameness> {
  const { ir, backend, program } = subject;
  const kind = await loadSimulator(backend);
  const conditions = [...kind.conditions(program), ...kind.conditions(mutant)];
  const classes = [...packetClasses(ir, conditions)].map(({ packet }) => packet);
  const some = classes.filter((_, at) => at % classesForOne === 0);
  const packets = [...some, ...thrownPackets(ir, conditions)];
  const open = (mark: number): readonly [Simulator, Simulator] => {
    const surroundings = { nodeAddresses: ir.node.addresses, mark };
    return [kind.open(program, surroundings), kind.open(mutant, surroundings)];
  };
  const foreign = open(foreignMarkOf(ir));
  let isUntouched = true;
  for (const packet of packets) {
    const found = compared(foreign, packet);
    if (found === "differs") return found;
    isUntouched &&= found === "untouched";
  }
  const { masquerade, drop, reject } = ir.marks;
  for (const [at, mark] of [masquerade, drop, reject].entries()) {
    const own = open(mark);
    const some = packets.filter((_, index) => index % 3 === at);
    if (some.some((packet) => compared(own, packet) === "differs")) return "own marks";
  }
  return isUntouched ? "untouched" : "same";
}

function compared([a, b]: readonly [Simulator, Simulator], packet: Packet): "untouched" | "same" | "differs" {
  const [left, right] = [a.send(packet), b.send(packet)];
  if (wayWords(left) !== wayWords(right) || memoriesOf(left) !== memoriesOf(right)) return "differs";
  for (const way of left) {
    const other = right.find(({ end }) => textOf(end) === textOf(way.end));
    if (other === undefined || !isRemembering(way)) continue;
    for (const seconds of [0, 59, 60, 10_799, 10_800]) {
      const [again, too] = [a.send(packet, way.memory, seconds), b.send(packet, other.memory, seconds)];
      if (wayWords(again) !== wayWords(too)) return "differs";
    }
    const gone = [a.withoutEndpoints(way.memory), b.withoutEndpoints(other.memory)];
    const [again, too] = [a.send(packet, gone[0], 1), b.send(packet, gone[1], 1)];
    if (wayWords(again) !== wayWords(too) || memoriesOf(again) !== memoriesOf(too)) return "differs";
  }
  const bare = [a.sendWithoutRules?.(packet), b.sendWithoutRules?.(packet)].map((ways) => ways ?? []);
  if (wayWords(bare[0] ?? []) !== wayWords(bare[1] ?? [])) return "differs";
  let isUntouched = pathsOf(left) === pathsOf(right);
  for (const kind of otherKinds) {
    const [ways, too] = [a.sendOther(packet, kind), b.sendOther(packet, kind)];
    if (otherWords(ways, kind) !== otherWords(too, kind)) return "differs";
    isUntouched &&= pathsOf(ways) === pathsOf(too);
  }
  return isUntouched ? "untouched" : "same";
}

/**
 * The order of servers is that in which they were added, and no share depends on it. Where IPVS sees every packet, those
 * of its connections need no mark, and others do well without.
 */
function otherWords(ways: readonly OtherWay[], kind: OtherKind): string {
  const isOfIpvs = kind === "later" || kind === "icmp-error";
  const words = ways.map(({ end, traces, reachesIpvs, server }) => {
    const endpoints = server?.endpoints.map((endpoint) => textOf(endpoint)).sort();
    return textOf([end, traces, reachesIpvs ?? isOfIpvs, { ...server, endpoints }]);
  });
  return words.join("\n");
}

function pathsOf(ways: readonly Pick<Way, "path">[]): string {
  return ways.flatMap((way) => way.path().map(({ place, rule }) => `${place} ${rule}`)).join("\n");
}

function isRemembering({ memory }: Way): boolean {
  return (memory instanceof Map || memory instanceof Set) && memory.size > 0;
}

/** Where ways end and with which marks, in any order. */
function wayWords(ways: readonly Way[]): string {
  const byTraces = new Map<string, Way[]>();
  for (const way of ways) {
    const key = tracesText(way.traces);
    byTraces.set(key, [...(byTraces.get(key) ?? []), way]);
  }
  const words = [...byTraces].flatMap(([traces, some]) =>
    endingsOf(some.map(({ end, share }) => ({ end, share }))).map(
      ({ end, share }) => `${textOf(end)} ${share === null ? "?" : formatFraction(share)} ${traces}`,
    ),
  );
  return words.sort().join("\n");
}

function memoriesOf(ways: readonly Way[]): string {
  return ways
    .map(({ end, memory }) => textOf([end, memory]))
    .sort()
    .join("\n");
}

function tracesText(traces: Traces | null): string {
  return traces === null ? "-" : `${traces.mark} ${traces.classId} ${traces.isAccepted}`;
}

/** Any data as text; Maps and Sets in the order of their entries' texts. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === "bigint") return String(each);
    if (each instanceof Map || each instanceof Set) return [...each].map(textOf).sort();
    return each;
  });
}

function thrownPackets(ir: NodeIr, conditions: readonly Condition[]): readonly Packet[] {
  return families.flatMap((family) => {
    const own = conditions.filter((condition) => condition.family === family);
    const prefixes = own.flatMap(({ source, destination }) => [source, destination]).filter((each) => each !== null);
    if (prefixes.length === 0) return [];
    const addresses = [
      ...addressRepresentatives(family, prefixes),
      ...ir.node.addresses.filter((one) => one.family === family),
    ];
    const ports = portRepresentatives(own.flatMap(({ ports: range }) => (range === null ? [] : [range])));
    const interfaces = interfaceRepresentatives(own.flatMap(({ inputInterface: one }) => (one === null ? [] : [one])));
    const pick = <T>(list: readonly T[], text: string): T | undefined =>
      list[Math.floor(chanceOf(1, text) * list.length)];
    return Array.from({ length: thrown }, (_, at): Packet | null => {
      const source = pick(addresses, `source ${at}`);
      const destination = pick(addresses, `destination ${at}`);
      const protocol = pick(protocols, `protocol ${at}`);
      const port = pick(ports, `port ${at}`);
      if (source === undefined || destination === undefined || protocol === undefined || port === undefined)
        return null;
      const inputInterface = isNodeAddress(ir, source) ? null : (pick(interfaces, `interface ${at}`) ?? null);
      return { protocol, source, destination, port, inputInterface };
    }).filter((packet) => packet !== null);
  });
}
