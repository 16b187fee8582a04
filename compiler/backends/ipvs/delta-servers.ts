import type { IpvsRequest, StaleFlow, VirtualServerSettings } from "../step.ts";
import { familyOf, idText, type Place, placeText } from "./delta-places.ts";
import type { ForwardingMethod, IpvsProgram, RealServer, VirtualServer } from "./program.ts";

/** A request with the service it is for. */
export interface ServerEdit {
  readonly request: IpvsRequest;
  readonly key: string | null;
}

export interface ServerDelta {
  /** What comes: virtual servers each with all its real servers, then real servers, then other settings. */
  readonly prepare: readonly ServerEdit[];
  /** What goes: first real servers that get no more connections, then those that are gone. */
  readonly release: readonly ServerEdit[];
}

/**
 * Changes from the virtual servers of one program to those of another. A virtual server that both have is never without
 * a real server that takes connections, if it has such ones in both.
 */
export function deltaServers(before: IpvsProgram, after: IpvsProgram): ServerDelta {
  const old = new Map(before.virtualServers.map((server) => [idText(server.id), server]));
  const created: ServerEdit[] = [];
  const changed: ServerEdit[] = [];
  const release: ServerEdit[] = [];
  for (const server of after.virtualServers) {
    const known = old.get(idText(server.id));
    old.delete(idText(server.id));
    const { key, id } = server;
    if (known === server) continue;
    if (known === undefined) {
      created.push({ request: { op: "new-service", server: settingsOf(server) }, key });
      for (const real of server.realServers) created.push({ request: { op: "new-dest", id, real }, key });
    } else {
      if (!hasSameSettings(known, server)) {
        changed.push({ request: { op: "set-service", server: settingsOf(server) }, key });
      }
      changeRealServers(known, server, changed, release);
    }
  }
  for (const { id, key } of old.values()) release.push({ request: { op: "delete-service", id }, key });
  const timeouts = timeoutsToSet(before, after);
  return { prepare: [...created, ...changed, ...timeouts], release };
}

export function settingsOf({ realServers: _, ...settings }: VirtualServer): VirtualServerSettings {
  return settings;
}

/**
 * Real servers that come or get connections go to `comes`, those that get none any more or go to `goes`.
 * Setting a weight of 0 for one that has connections leaves these with it (ip_vs_schedule looks at weights, ip_vs_in does not).
 */
function changeRealServers(before: VirtualServer, after: VirtualServer, comes: ServerEdit[], goes: ServerEdit[]): void {
  const { id, key } = after;
  const old = new Map(before.realServers.map((real) => [realText(real), real]));
  const deleted: ServerEdit[] = [];
  for (const real of after.realServers) {
    const known = old.get(realText(real));
    old.delete(realText(real));
    if (known === undefined) comes.push({ request: { op: "new-dest", id, real }, key });
    else if (!hasSameValues(known, real)) {
      (real.weight === 0 ? goes : comes).push({ request: { op: "set-dest", id, real }, key });
    }
  }
  for (const { address, port } of old.values()) {
    deleted.push({ request: { op: "delete-dest", id, real: { address, port } }, key });
  }
  goes.push(...deleted);
}

/** Real servers of a virtual server are told apart by this. */
export function realText({ address, port }: Pick<RealServer, "address" | "port">): string {
  return `${address.text} ${port}`;
}

function hasSameValues(a: RealServer, b: RealServer): boolean {
  return (
    a === b ||
    (a.weight === b.weight &&
      a.upperThreshold === b.upperThreshold &&
      a.lowerThreshold === b.lowerThreshold &&
      methodText(a.method) === methodText(b.method))
  );
}

function methodText(method: ForwardingMethod): string {
  return method.kind === "tunnel" ? `tunnel ${method.type} ${method.port}` : method.kind;
}

function hasSameSettings(a: VirtualServer, b: VirtualServer): boolean {
  return (
    a.scheduler === b.scheduler &&
    a.onePacket === b.onePacket &&
    a.persistence?.timeoutSeconds === b.persistence?.timeoutSeconds &&
    a.persistence?.prefixLength === b.persistence?.prefixLength &&
    [...a.schedulerFlags].sort().join() === [...b.schedulerFlags].sort().join()
  );
}

/** 0 keeps what the kernel has, so only other values are sent, when they are not there. */
function timeoutsToSet({ timeouts: is }: IpvsProgram, { timeouts }: IpvsProgram): readonly ServerEdit[] {
  const { tcp, tcpFin, udp } = timeouts;
  const isThere = (wanted: number, value: number) => wanted === 0 || wanted === value;
  if (isThere(tcp, is.tcp) && isThere(tcpFin, is.tcpFin) && isThere(udp, is.udp)) return [];
  return [{ request: { op: "set-config", timeouts }, key: null }];
}

export interface FlowEdit {
  readonly flow: StaleFlow;
  readonly key: string | null;
}

/**
 * UDP flows that would go on as they did: to a real server that is deleted, or to nobody, from before a frontend had a
 * server. IPVS itself would lose a packet of each: it finds a deleted server, ends its own connection, and takes a new
 * one only when connection tracking sees a new one too (ip_vs_in, ip_vs_conn_uses_old_conntrack).
 * @param places of all virtual servers of both programs
 */
export function staleFlows(
  before: IpvsProgram | null,
  after: IpvsProgram | null,
  places: ReadonlyMap<string, readonly Place[]>,
  isStale: (server: VirtualServer, real: RealServer) => boolean = () => true,
): readonly FlowEdit[] {
  const flows = new Map<string, FlowEdit>();
  const old = new Map(before?.virtualServers.map((server) => [idText(server.id), server]));
  const fresh = new Map(after?.virtualServers.map((server) => [idText(server.id), server]));
  const add = (server: VirtualServer, place: Place, endpoint: StaleFlow["endpoint"]) => {
    const flow: StaleFlow = { family: familyOf(server.id), destination: place.address, port: place.port, endpoint };
    const name = `${placeText(place)} ${endpoint === null ? "" : realText(endpoint)}`;
    flows.set(name, { flow, key: server.key });
  };
  const udpPlaces = (id: string) => (places.get(id) ?? []).filter((place) => place.protocol === "udp");
  for (const [id, server] of old) {
    const next = fresh.get(id);
    if (next === server) continue;
    const kept = new Set(next?.realServers.map(realText));
    const gone = server.realServers.filter((real) => !kept.has(realText(real)) && isStale(server, real));
    if (gone.length === 0) continue;
    for (const place of udpPlaces(id)) {
      // connection tracking sees only those translated that IPVS translates
      for (const { address, port, method } of gone)
        add(server, place, method.kind === "masq" ? { address, port } : null);
    }
  }
  const servedBefore = new Set(
    [...old].flatMap(([id, server]) => (takesConnections(server) ? udpPlaces(id).map(placeText) : [])),
  );
  for (const [id, server] of fresh) {
    if (!takesConnections(server)) continue;
    for (const place of udpPlaces(id)) if (!servedBefore.has(placeText(place))) add(server, place, null);
  }
  return [...flows.values()];
}

function takesConnections(server: VirtualServer): boolean {
  return server.realServers.some((real) => real.weight > 0);
}
