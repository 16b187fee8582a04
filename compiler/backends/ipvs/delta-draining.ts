import { compareAddresses, type Family, families, type IpAddress, prefixContains } from "../../net/address.ts";
import { compareNumbers } from "../../net/order.ts";
import type { Protocol } from "../../net/port.ts";
import type { IptablesRule, IptablesRuleset } from "../iptables/program.ts";
import {
  actionBits,
  type DispatchElement,
  dispatchSets,
  familyOf,
  idText,
  layoutOf,
  markOfElement,
  type Place,
  placeOfElement,
  placesOf,
  placeText,
} from "./delta-places.ts";
import { realText } from "./delta-servers.ts";
import { withElements } from "./elements.ts";
import { chains, setName, unsigned } from "./names.ts";
import type { IpSet, IpvsProgram, LocalRouting, RealServer, SetElement, VirtualServer } from "./program.ts";

/** What decides whether a real server that is no longer wanted may go on with the connections it has. */
export type MayFinish = (server: VirtualServer, real: RealServer, protocol: Protocol | null) => boolean;

/**
 * A program with, beside all of it, what serves connections that exist and that nobody wants any more: real servers at
 * weight 0, their virtual servers, and what leads packets there. New connections never get to them:
 *
 * - A frontend that `after` has goes on with its other real servers.
 * - One that it has not is refused while old connections last: as the verdict for the rest of its address is, drop or
 *   reject; reject too where the address is no more weir's, since letting the new ones pass would cut the old ones off.
 *   Node ports just stop: their packets come to this node, and so to IPVS, without being led.
 * - In a family that it serves nothing of, or with `after` null, all new connections pass: whoever serves them now, be it
 *   another backend, does so undisturbed. See `passNewConnections`.
 *
 * `now` may be such a program itself; applied to its own result with the same `after` and `mayFinish`, nothing changes.
 * @param known programs that tell where virtual servers are found that no set names any more
 */
export function withDraining(
  now: IpvsProgram,
  after: IpvsProgram | null,
  mayFinish: MayFinish,
  known: readonly IpvsProgram[] = [],
): IpvsProgram | null {
  const places = placesOf([...known, now]);
  const old = new Map(now.virtualServers.map((server) => [idText(server.id), server]));
  const isLeaving = (server: VirtualServer, real: RealServer) =>
    mayFinish(server, real, protocolOf(places.get(idText(server.id)) ?? []));

  const virtualServers: VirtualServer[] = [];
  for (const server of after?.virtualServers ?? []) {
    const before = old.get(idText(server.id));
    old.delete(idText(server.id));
    virtualServers.push(before === undefined ? server : withLeaving(server, before, isLeaving));
  }
  const leaving: VirtualServer[] = [];
  for (const server of old.values()) {
    if (isKept(server, after ?? now)) continue;
    const rest = withLeaving({ ...server, realServers: [] }, server, isLeaving);
    if (rest.realServers.length > 0) leaving.push(rest);
  }
  if (leaving.length === 0) return after === null ? null : { ...after, virtualServers };

  const ending: Ending = { now, leaving, places };
  const base = after ?? { ...now, sets: [], rules: none, routing: none };
  const parts = families.map((family) => {
    const concerned = leaving.some((server) => familyOf(server.id) === family);
    if (!concerned) return partOf(base, family);
    return base.rules[family] === null ? passingPart(now, family) : refusingPart(base, family, ending);
  });
  const [ipv4, ipv6] = parts;
  return {
    ...base,
    virtualServers: [...virtualServers, ...leaving],
    sets: parts.flatMap((part) => part.sets),
    rules: { ipv4: ipv4?.rules ?? null, ipv6: ipv6?.rules ?? null },
    routing: { ipv4: ipv4?.routing ?? null, ipv6: ipv6?.routing ?? null },
  };
}

const none = { ipv4: null, ipv6: null } as const;

/** Virtual servers in the kept ranges are someone else's. */
function isKept({ id }: VirtualServer, { keptRanges }: IpvsProgram): boolean {
  return id.kind === "address" && keptRanges.some((range) => prefixContains(range, id.address));
}

function protocolOf(places: readonly Place[]): Protocol | null {
  return places[0]?.protocol ?? null;
}

/** The virtual server with those real servers of `before` that may finish, at weight 0. */
function withLeaving(
  server: VirtualServer,
  before: VirtualServer,
  isLeaving: (server: VirtualServer, real: RealServer) => boolean,
): VirtualServer {
  const wanted = new Set(server.realServers.map(realText));
  const rest = before.realServers.filter((real) => !wanted.has(realText(real)) && isLeaving(before, real));
  if (rest.length === 0) return server;
  const idle = rest.map((real) => (real.weight === 0 ? real : { ...real, weight: 0 }));
  const realServers = [...server.realServers, ...idle].sort(
    (a, b) => compareAddresses(a.address, b.address) || compareNumbers(a.port, b.port),
  );
  return { ...server, realServers };
}

/** What belongs to one family beside virtual servers. */
interface FamilyPart {
  readonly sets: readonly IpSet[];
  readonly rules: IptablesRuleset | null;
  readonly routing: LocalRouting | null;
}

function partOf(program: IpvsProgram, family: Family): FamilyPart {
  return {
    sets: program.sets.filter((set) => set.family === family),
    rules: program.rules[family],
    routing: program.routing[family],
  };
}

/** Everything as it is, but new connections are let through. */
function passingPart(now: IpvsProgram, family: Family): FamilyPart {
  const part = partOf(now, family);
  return { ...part, rules: part.rules === null ? null : passNewConnections(part.rules) };
}

const isUnconfirmed: IptablesRule = {
  matches: [{ kind: "ct-status", statuses: ["CONFIRMED"], negated: true }],
  target: { kind: "return" },
};

/**
 * Rules that lead to IPVS only the packets of connections that connection tracking knows already. A first packet is one
 * that is not confirmed yet; `--ctstate NEW` would also mean UDP flows that nobody has answered.
 */
export function passNewConnections(rules: IptablesRuleset): IptablesRuleset {
  const entries: readonly string[] = [chains.in, chains.out];
  const tables = rules.tables.map((table) => ({
    ...table,
    chains: table.chains.map((chain) =>
      !entries.includes(chain.name) || passesNewConnections(chain.rules)
        ? chain
        : { ...chain, rules: [isUnconfirmed, ...chain.rules] },
    ),
  }));
  return { ...rules, tables };
}

function passesNewConnections([first]: readonly IptablesRule[]): boolean {
  const [match] = first?.matches ?? [];
  return first?.target.kind === "return" && match?.kind === "ct-status" && match.negated;
}

interface Ending {
  readonly now: IpvsProgram;
  readonly leaving: readonly VirtualServer[];
  readonly places: ReadonlyMap<string, readonly Place[]>;
}

/** The part of `after`, and in it frontends that have ended. */
function refusingPart(after: IpvsProgram, family: Family, ending: Ending): FamilyPart {
  const part = partOf(after, family);
  const elements = refusingElements(part, family, ending);
  const addresses = [...elements.values()].flatMap((list) => list.map((element) => element.address));
  const sets = part.sets.map((set): IpSet => {
    if (set.name === setName(family, "addresses")) {
      return withElements(set, [...set.elements, ...addresses.map((address): SetElement => ({ kind: "ip", address }))]);
    }
    const added = elements.get(set.name);
    return added === undefined || added.length === 0 ? set : withElements(set, [...set.elements, ...added]);
  });
  return { ...part, sets, routing: routingWith(part.routing, ending.now.routing[family], addresses) };
}

type AddressElement = Extract<DispatchElement, { kind: "ip-port" }>;

/** By set. An element that names a virtual server by mark goes on to do so: that is how it is known as weir's. */
function refusingElements(
  part: FamilyPart,
  family: Family,
  { now, leaving, places }: Ending,
): Map<string, AddressElement[]> {
  const layout = layoutOf(part.rules);
  const found = new Map<string, AddressElement[]>();
  if (layout === null) return found;
  const served = new Set(
    part.sets.find((set) => set.name === setName(family, "frontends"))?.elements.flatMap(textOfPlace),
  );
  const ended = new Set(
    leaving
      .flatMap((server) => places.get(idText(server.id)) ?? [])
      .filter((place) => place.family === family && place.address !== null && !served.has(placeText(place)))
      .map(placeText),
  );
  const ids = new Set(leaving.map((server) => idText(server.id)));
  const bits = actionBits(now)[family];
  const verdictOf = verdicts(part, family);
  for (const role of dispatchSets.address) {
    const name = setName(family, role);
    for (const element of now.sets.find((set) => set.name === name)?.elements ?? []) {
      if (element.kind !== "ip-port" || element.action === null) continue;
      const place = placeOfElement(element);
      if (!ended.has(placeText(place))) continue;
      const mark = markOfElement(element, bits);
      if (role !== "frontends" && (mark === null || !ids.has(idText({ kind: "mark", family, mark })))) continue;
      const kept = element.action.value & ~(bits.masquerade | bits.refusal);
      const value = unsigned(kept | layout[verdictOf(element.address)]);
      found.set(name, [...(found.get(name) ?? []), { ...element, action: { ...element.action, value } }]);
    }
  }
  return found;
}

function textOfPlace(element: SetElement): readonly string[] {
  return element.kind === "ip-port" ? [placeText(placeOfElement(element))] : [];
}

/** What becomes of new connections to an address that `decide` has no service for; see `withDraining`. */
function verdicts(part: FamilyPart, family: Family): (address: IpAddress) => "drop" | "reject" {
  const elementsOf = (role: "vips" | "ranges") =>
    part.sets.find((set) => set.name === setName(family, role))?.elements ?? [];
  const vips = new Set(elementsOf("vips").flatMap((each) => (each.kind === "ip" ? [each.address.text] : [])));
  const ranges = elementsOf("ranges").flatMap((each) => (each.kind === "net" ? [each.prefix] : []));
  return (address) => {
    if (vips.has(address.text)) return "reject";
    return ranges.some((range) => prefixContains(range, address)) ? "drop" : "reject";
  };
}

/** The routes, and those of before that deliver packets for these addresses. */
function routingWith(
  routing: LocalRouting | null,
  before: LocalRouting | null,
  addresses: readonly IpAddress[],
): LocalRouting | null {
  if (before === null) return routing;
  const covers = (list: LocalRouting | null, address: IpAddress) =>
    list?.prefixes.some((prefix) => prefixContains(prefix, address)) ?? false;
  const missing = before.prefixes.filter((prefix) =>
    addresses.some((address) => prefixContains(prefix, address) && !covers(routing, address)),
  );
  if (missing.length === 0) return routing;
  return { rule: routing?.rule ?? before.rule, prefixes: [...(routing?.prefixes ?? []), ...missing] };
}
