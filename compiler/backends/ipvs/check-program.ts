import { type Family, families } from "../../net/address.ts";
import type { IptablesRule, SetDirection } from "../iptables/program.ts";
import { type SetName, setName, sysctlNames } from "./names.ts";
import type { IpSet, IpvsProgram, SetElementKind } from "./program.ts";

/** What each set holds: `actions`, marks that the target SET puts on packets. */
interface Shape {
  readonly kind: SetElementKind;
  readonly actions?: true;
}

const shapes: Readonly<Record<SetName, Shape>> = {
  frontends: { kind: "ip-port", actions: true },
  frontendsPod: { kind: "ip-port", actions: true },
  frontendsNode: { kind: "ip-port", actions: true },
  nodePorts: { kind: "net-port", actions: true },
  nodePortsPod: { kind: "net-port", actions: true },
  nodePortsNode: { kind: "net-port", actions: true },
  ranged: { kind: "ip-port" },
  allowed: { kind: "ip-port-net" },
  nodePortsRanged: { kind: "net-port" },
  nodePortsAllowed: { kind: "net-port" },
  addresses: { kind: "ip" },
  vips: { kind: "ip" },
  ranges: { kind: "net" },
  pods: { kind: "net" },
  hairpin: { kind: "ip-port-ip" },
};

/** How many of a packet's parts an element is compared with; a rule that names fewer finds nothing (ip_set_core.c). */
const dimensions: Readonly<Record<SetElementKind, number>> = {
  ip: 1,
  net: 1,
  "ip-port": 2,
  "net-port": 2,
  "ip-port-net": 3,
  "ip-port-ip": 3,
};

const needed = ["conntrack", "expireNoServer", "expireDrained"] as const;
const forwarding = { ipv4: "forwardIpv4", ipv6: "forwardIpv6" } as const;

/**
 * What would not load, or would load and not hang together, as a phrase: a set that rules ask and nothing makes, one of
 * another type or family than its name says, a kernel setting that the rules count on. null where all is well.
 */
export function flawInIpvs(program: IpvsProgram): string | null {
  const sets = new Map(program.sets.map((set) => [set.name, set]));
  for (const family of families) {
    const found = flawInFamily(program, family, sets);
    if (found !== null) return found;
  }
  return flawInSettings(program);
}

function flawInFamily(program: IpvsProgram, family: Family, sets: ReadonlyMap<string, IpSet>): string | null {
  for (const name of Object.keys(shapes)) {
    const set = isSetName(name) ? sets.get(setName(family, name)) : undefined;
    if (set === undefined || !isSetName(name)) continue;
    const { kind, actions } = shapes[name];
    if (set.kind !== kind || set.family !== family) return `the set ${set.name} is not what its name says`;
    if (set.hasActions !== (actions === true)) return `the set ${set.name} has marks, or has none`;
  }
  const rules = program.rules[family]?.tables.flatMap(({ chains }) => chains.flatMap((chain) => chain.rules)) ?? [];
  for (const { name, directions, isMapped } of rules.flatMap(usesOf)) {
    const set = sets.get(name);
    if (set === undefined) return `there is no set ${name}`;
    if (set.family !== family) return `rules of ${family} ask the set ${name}`;
    if (directions.length !== dimensions[set.kind]) return `the set ${name} is asked for ${directions.join()}`;
    // whatever is the client's is at the end of a key, and nobody asks for the port that a client happens to have
    if (directions[1] === "src") return `the set ${name} is asked for a client's port`;
    if (isMapped && !set.hasActions) return `the set ${name} has no marks to give`;
  }
  const prefixes = program.routing[family]?.prefixes.map(({ text }) => text) ?? [];
  const twice = prefixes.find((text, at) => prefixes.indexOf(text) !== at);
  return twice === undefined ? null : `the local route ${twice} stands twice`;
}

function isSetName(name: string): name is SetName {
  return Object.hasOwn(shapes, name);
}

interface Use {
  readonly name: string;
  readonly directions: readonly SetDirection[];
  readonly isMapped: boolean;
}

function usesOf({ matches, target }: IptablesRule): readonly Use[] {
  const uses: Use[] = matches.flatMap((match) => (match.kind === "set" ? [{ ...match, isMapped: false }] : []));
  return target.kind === "map-set" ? [...uses, { ...target, isMapped: true }] : uses;
}

/** Strict ARP is two settings or none. */
function flawInSettings({ sysctls, rules }: IpvsProgram): string | null {
  const found = sysctls.map(({ name }) => name);
  const twice = found.find((name, at) => found.indexOf(name) !== at);
  if (twice !== undefined) return `the kernel setting ${twice} stands twice`;
  const served = families.filter((family) => rules[family] !== null);
  const { arpIgnore, arpAnnounce } = sysctlNames;
  const isStrict = found.includes(arpIgnore) || found.includes(arpAnnounce);
  const wanted = [
    ...(served.length === 0 ? [] : needed.map((name) => sysctlNames[name])),
    ...served.map((family) => sysctlNames[forwarding[family]]),
    ...(isStrict ? [arpIgnore, arpAnnounce] : []),
  ];
  const missing = wanted.find((name) => !found.includes(name));
  return missing === undefined ? null : `the kernel setting ${missing} is missing`;
}
