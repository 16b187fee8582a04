import {
  actionBits,
  eachDispatchElement,
  familyOf,
  idText,
  layoutOf,
  markOfElement,
  type Place,
  placeOfElement,
  placesOf,
  placeText,
} from "../../compiler/backends/ipvs/delta-places.ts";
import { realText } from "../../compiler/backends/ipvs/delta-servers.ts";
import { keysByPlace } from "../../compiler/backends/ipvs/delta-sets.ts";
import { routingTable, sysctlNames } from "../../compiler/backends/ipvs/names.ts";
import { ownSetName, parseSetListing, type SetListing } from "../../compiler/backends/ipvs/parse-set-listing.ts";
import { printServerName } from "../../compiler/backends/ipvs/print-delta.ts";
import type {
  IpvsProgram,
  LocalRouting,
  RealServer,
  Sysctl,
  VirtualServer,
} from "../../compiler/backends/ipvs/program.ts";
import type { IptablesFlavour } from "../../compiler/backends/step.ts";
import { compareAddresses, families, prefixContains, withoutCovered } from "../../compiler/net/address.ts";
import { compareNumbers } from "../../compiler/net/order.ts";
import { compareProtocols } from "../../compiler/net/port.ts";
import { readSysctl } from "../execute/sysctl.ts";
import type { Host } from "../host/host.ts";
import { openIpvs } from "../netlink/ipvs-client.ts";
import type { IpvsState, RealServerState, VirtualServerState } from "../netlink/ipvs-state.ts";
import { type FamilyRouting, readRouting } from "../netlink/route.ts";
import { rulesFrom, rulesPlane } from "./iptables.ts";
import { type ExtraRule, parseRest, printSnapshot } from "./ipvs-snapshot.ts";
import { listSets } from "./ipvs-tool.ts";
import type { ForeignPart, Observed, ObserveHints } from "./plane.ts";

/** What is there, and how many connections the real servers have: by virtual server and real server, see `countText`. */
export interface IpvsObservation {
  readonly observed: Observed<IpvsProgram>;
  readonly connections: ReadonlyMap<string, number>;
}

export function countText(server: Pick<VirtualServer, "id">, real: Pick<RealServer, "address" | "port">): string {
  return `${idText(server.id)} ${realText(real)}`;
}

/** Connections that a real server still has; TCP ones that are closing count, their last packets need it. */
export function connectionsOf({ activeConnections, inactiveConnections }: RealServerState): number {
  return activeConnections + inactiveConnections;
}

const nothingThere: IpvsState = { servers: [], timeouts: { tcp: 0, tcpFin: 0, udp: 0 } };

/**
 * Reads what weir has in IPVS, sets, chains, routes. Virtual servers are weir's when its sets lead to them, or when a
 * known program has them outside of the kept ranges. `flavour`: where rules of iptables are wanted. Throws HostError.
 */
export async function observeIpvs(
  host: Host,
  hints: ObserveHints<IpvsProgram>,
  flavour: IptablesFlavour | null = null,
): Promise<IpvsObservation> {
  const { known } = hints;
  const rules = await observeRules(host, hints, flavour);
  const listing = parseSetListing(await listSets(host, ownSetName));
  const found = await readRouting(host, routingTable);
  const routing = { ipv4: routingOf(found.ipv4, known, "ipv4"), ipv6: routingOf(found.ipv6, known, "ipv6") };
  const extraRules = families.flatMap((family) => extraRulesOf(found[family], routing[family], family));
  const sysctls = await readSysctls(host);

  const own = { rules: rules.program ?? { ipv4: null, ipv6: null }, sets: listing.sets };
  const keptRanges = withoutCovered(known.flatMap((program) => program.keptRanges));
  const mayHaveServers = listing.sets.length > 0 || known.some((program) => program.virtualServers.length > 0);
  const state = mayHaveServers ? await readState(host) : nothingThere;
  const named = serversNamedBy(own, known);
  const servers = state.servers.filter((server) => named.has(idText(server.id)));

  const base: IpvsProgram = {
    virtualServers: servers.map((server) => programServer(server)),
    timeouts: state.timeouts,
    keptRanges,
    sets: listing.sets,
    rules: own.rules,
    routing,
    sysctls,
  };
  const hasAny =
    rules.program !== null ||
    servers.length + listing.sets.length > 0 ||
    routing.ipv4 !== null ||
    routing.ipv6 !== null;
  const program = hasAny ? { ...base, virtualServers: orderedServers(base, known) } : null;
  const odd = new Set(listing.odd);
  const kept = program === null ? null : { ...program, sets: program.sets.filter((set) => !odd.has(set.name)) };
  const snapshot = printSnapshot({
    program: kept,
    ruled: families.filter((family) => own.rules[family] !== null),
    rules: rules.snapshot,
    foreign: listing.foreign,
    extraRules,
    sysctls,
  });
  const foreign = [...rules.foreign, ...foreignParts(listing, servers, found, extraRules)];
  return { observed: { program, foreign, snapshot }, connections: countConnections(servers) };
}

/** Rules that nobody has changed are not listed again. */
async function observeRules(
  host: Host,
  { known, unchanged }: ObserveHints<IpvsProgram>,
  flavour: IptablesFlavour | null,
): Promise<Observed<IpvsProgram["rules"]>> {
  const hints = { known: known.map((program) => program.rules) };
  const kept = unchanged === undefined ? null : rulesFrom(parseRest(unchanged).rules, "ipvs", hints);
  return kept ?? rulesPlane("ipvs", flavour).observe(host, hints);
}

async function readState(host: Host): Promise<IpvsState> {
  const client = await openIpvs(host);
  if (client === null) return nothingThere;
  try {
    return await client.read();
  } finally {
    client.close();
  }
}

/** Values of all settings that weir may change and the kernel has now. */
async function readSysctls(host: Host): Promise<readonly Sysctl[]> {
  const sysctls: Sysctl[] = [];
  for (const name of Object.values(sysctlNames)) {
    const value = await readSysctl(host, name);
    if (value !== null) sysctls.push({ name, value });
  }
  return sysctls;
}

/** `idText` of the virtual servers that are weir's. */
function serversNamedBy(own: Pick<IpvsProgram, "rules" | "sets">, known: readonly IpvsProgram[]): ReadonlySet<string> {
  const named = new Set<string>();
  const programs: readonly Pick<IpvsProgram, "rules">[] = [own, ...known];
  for (const { rules } of programs) {
    for (const family of families) {
      const layout = layoutOf(rules[family]);
      if (layout !== null) named.add(idText({ kind: "mark", family, mark: layout.refused }));
    }
  }
  for (const { keptRanges, virtualServers } of known) {
    for (const { id } of virtualServers) {
      const isKept = id.kind === "address" && keptRanges.some((range) => prefixContains(range, id.address));
      if (!isKept) named.add(idText(id));
    }
  }
  const hasBits = ({ rules }: Pick<IpvsProgram, "rules">) => layoutOf(rules.ipv4 ?? rules.ipv6) !== null;
  const bits = actionBits(programs.find(hasBits) ?? own);
  eachDispatchElement(own.sets, (element) => {
    const place = placeOfElement(element);
    const mark = markOfElement(element, bits[place.family]);
    if (mark !== null) named.add(idText({ kind: "mark", family: place.family, mark }));
    else if (place.address !== null) named.add(idText({ kind: "address", ...place, address: place.address }));
  });
  return named;
}

/** Values that weir never uses, so that what someone else changed is changed back. */
const oddWeight = 65536;
const oddFlags = ["port", "fallback", "port"] as const;

function programServer({
  id,
  key,
  scheduler,
  schedulerFlags,
  persistence,
  onePacket,
  ...state
}: VirtualServerState): VirtualServer {
  return {
    id,
    key,
    scheduler,
    schedulerFlags: state.unusual === null ? schedulerFlags : oddFlags,
    persistence,
    onePacket,
    realServers: state.realServers.map(programRealServer),
  };
}

function programRealServer(state: RealServerState): RealServer {
  const { address, port, method, weight, upperThreshold, lowerThreshold, unusual } = state;
  return { address, port, method, weight: unusual === null ? weight : oddWeight, upperThreshold, lowerThreshold };
}

/** In the order of lowering, with the keys of their services. */
function orderedServers(program: IpvsProgram, known: readonly IpvsProgram[]): readonly VirtualServer[] {
  const places = placesOf([...known, program]);
  const keys = keysByPlace([...known, program]);
  const placed = program.virtualServers.map((server) => {
    const [place] = places.get(idText(server.id)) ?? [];
    const key = place === undefined ? null : (keys.get(placeText(place)) ?? null);
    return { place: place ?? null, server: { ...server, key } };
  });
  return placed.sort(comparePlaced).map(({ server }) => server);
}

interface Placed {
  readonly place: Place | null;
  readonly server: VirtualServer;
}

/** Families apart; addresses before node ports; at one place the one by address first; those of no place last. */
function comparePlaced(a: Placed, b: Placed): number {
  const family = compareNumbers(families.indexOf(familyOf(a.server.id)), families.indexOf(familyOf(b.server.id)));
  if (family !== 0) return family;
  const byPlace = comparePlaces(a.place, b.place);
  if (byPlace !== 0) return byPlace;
  const [one, other] = [a.server.id, b.server.id];
  return compareNumbers(one.kind === "mark" ? one.mark : -1, other.kind === "mark" ? other.mark : -1);
}

function comparePlaces(a: Place | null, b: Place | null): number {
  if (a === null || b === null) return compareNumbers(a === null ? 1 : 0, b === null ? 1 : 0);
  if (a.address === null || b.address === null) {
    if (a.address !== b.address) return a.address === null ? 1 : -1;
  } else {
    const byAddress = compareAddresses(a.address, b.address);
    if (byAddress !== 0) return byAddress;
  }
  return compareProtocols(a.protocol, b.protocol) || compareNumbers(a.port, b.port);
}

/** The rule that a known program has, or else the first one; routes without a rule are there with one that never was. */
function routingOf(
  { rules, prefixes }: FamilyRouting,
  known: readonly IpvsProgram[],
  family: "ipv4" | "ipv6",
): LocalRouting | null {
  if (rules.length + prefixes.length === 0) return null;
  const wanted = known.flatMap((program) => program.routing[family]?.rule ?? []);
  const rule = rules.find((each) => wanted.some((other) => sameRule(each, other))) ?? rules[0];
  return { rule: rule ?? { priority: 0, mark: 0, mask: 0, table: routingTable }, prefixes };
}

function sameRule(a: LocalRouting["rule"], b: LocalRouting["rule"]): boolean {
  return a.priority === b.priority && a.mark === b.mark && a.mask === b.mask;
}

/** All but one of those that are alike, too. */
function extraRulesOf(
  { rules }: FamilyRouting,
  routing: LocalRouting | null,
  family: "ipv4" | "ipv6",
): readonly ExtraRule[] {
  const first = rules.findIndex((rule) => routing !== null && sameRule(rule, routing.rule));
  return rules.filter((_, at) => at !== first).map((rule) => ({ family, rule }));
}

function foreignParts(
  listing: SetListing,
  servers: readonly VirtualServerState[],
  routing: Readonly<Record<"ipv4" | "ipv6", FamilyRouting>>,
  extraRules: readonly ExtraRule[],
): readonly ForeignPart[] {
  const table = `routing table ${routingTable}`;
  return [
    ...listing.odd.map((name) => ({ place: `set ${name}`, text: "made by someone else" })),
    ...listing.foreign.map(({ set, text }) => ({ place: `set ${set}`, text })),
    ...servers.flatMap(({ id, unusual, realServers }) => {
      const place = `virtual server ${printServerName(id)}`;
      const reals = realServers.flatMap((real) =>
        real.unusual === null ? [] : [{ place, text: `real server ${realText(real)}: ${real.unusual}` }],
      );
      return unusual === null ? reals : [{ place, text: unusual }, ...reals];
    }),
    ...families.flatMap((family) => routing[family].unusual.map((text) => ({ place: `${table} (${family})`, text }))),
    ...extraRules.map(({ family, rule }) => ({
      place: `${table} (${family})`,
      text: `rule of priority ${rule.priority}`,
    })),
  ];
}

/** By virtual server and real server, see `countText`. */
export function countConnections(
  servers: readonly Pick<VirtualServerState, "id" | "realServers">[],
): ReadonlyMap<string, number> {
  return new Map(
    servers.flatMap((server) =>
      server.realServers.map((real) => [countText(server, real), connectionsOf(real)] as const),
    ),
  );
}
