import { deltaIpvs } from "../../compiler/backends/ipvs/delta.ts";
import { type MayFinish, withDraining } from "../../compiler/backends/ipvs/delta-draining.ts";
import { idText } from "../../compiler/backends/ipvs/delta-places.ts";
import { realText } from "../../compiler/backends/ipvs/delta-servers.ts";
import type { IpvsProgram, VirtualServerId } from "../../compiler/backends/ipvs/program.ts";
import type { Step } from "../../compiler/backends/step.ts";
import { families } from "../../compiler/net/address.ts";
import type { Host } from "../host/host.ts";
import { openIpvs } from "../netlink/ipvs-client.ts";
import { connectionsOf, countConnections, countText, type IpvsObservation, observeIpvs } from "./ipvs-observe.ts";
import { rulesSteps, withoutOthers } from "./ipvs-plan.ts";
import type { Observed, ObserveHints } from "./plane.ts";

/**
 * Takes away real servers that are kept for their connections only and have none any more, or are overdue, with
 * everything that only they needed; `waiting` counts those that stay. Anything else is left as it is.
 */
export async function drainIpvs(
  host: Host,
  hints: ObserveHints<IpvsProgram>,
  after: IpvsProgram | null,
  isOverdue: boolean,
  seen: Observed<IpvsProgram> | null = null,
): Promise<{ readonly steps: readonly Step[]; readonly waiting: number }> {
  const busy = isOverdue || seen !== null ? 0 : await countBusy(host, hints.known, after);
  if (busy > 0) return { steps: [], waiting: busy };
  const { observed, connections } = seen === null ? await observeIpvs(host, hints) : await connectionsIn(host, seen);
  const now = withoutOthers(observed.program, after);
  if (now === null) return { steps: [], waiting: 0 };
  let waiting = 0;
  const isBusy: MayFinish = (server, real) => {
    const has = !isOverdue && real.weight === 0 && (connections.get(countText(server, real)) ?? 0) > 0;
    if (has) waiting++;
    return has;
  };
  const whole = withDraining(now, after, (_server, real) => real.weight === 0, hints.known);
  const rest = withDraining(now, after, isBusy, hints.known);
  // rules differ only in families that are left for good; those that someone else changed are not mended here
  const steps = deltaIpvs(whole, rest, {
    rules: leavingRules(observed, whole, rest),
    known: hints.known,
    // flows that IPVS has forgotten are whoever's they are now, and stay
    isStale: (server, real) => (connections.get(countText(server, real)) ?? 0) > 0,
  });
  return { steps, waiting };
}

/** What was read, with the connections that servers without new ones have now. */
async function connectionsIn(host: Host, observed: Observed<IpvsProgram>): Promise<IpvsObservation> {
  const servers = (observed.program?.virtualServers ?? []).filter(({ realServers }) =>
    realServers.some(({ weight }) => weight === 0),
  );
  const client = servers.length === 0 ? null : await openIpvs(host);
  if (client === null) return { observed, connections: new Map() };
  try {
    const lists = await client.readRealServers(servers.map(({ id }) => id));
    const states = servers.map(({ id }, index) => ({ id, realServers: lists[index] ?? [] }));
    return { observed, connections: countConnections(states) };
  } finally {
    client.close();
  }
}

function leavingRules(
  observed: Observed<IpvsProgram>,
  whole: IpvsProgram | null,
  rest: IpvsProgram | null,
): () => readonly Step[] {
  const left = families.filter(
    (family) => (whole?.rules[family] ?? null) !== null && (rest?.rules[family] ?? null) === null,
  );
  if (left.length === 0) return () => [];
  const now = observed.program?.rules ?? { ipv4: null, ipv6: null };
  const after = { ...now };
  for (const family of left) after[family] = null;
  return () => rulesSteps(observed)(now, after);
}

/**
 * How many real servers are kept for connections that they still have; 0 as soon as one has none, so that it is looked
 * at closely. Asks only about those of known programs that are not wanted.
 */
async function countBusy(host: Host, known: readonly IpvsProgram[], after: IpvsProgram | null): Promise<number> {
  const leaving = leavingServers(known, after);
  if (leaving.length === 0) return 0;
  const client = await openIpvs(host);
  if (client === null) return 0;
  try {
    const wanted = new Map(
      after?.virtualServers.map((server) => [idText(server.id), new Set(server.realServers.map(realText))]),
    );
    const lists = await client.readRealServers(leaving);
    let busy = 0;
    for (const [index, list] of lists.entries()) {
      const id = leaving[index];
      for (const real of list) {
        if (id !== undefined && wanted.get(idText(id))?.has(realText(real))) continue;
        if (connectionsOf(real) === 0) return 0;
        busy++;
      }
    }
    return busy;
  } finally {
    client.close();
  }
}

const remembered = new WeakMap<
  IpvsProgram,
  { readonly after: IpvsProgram | null; readonly ids: readonly VirtualServerId[] }
>();

/** Virtual servers of known programs with real servers that are not wanted; each known program is compared once. */
function leavingServers(known: readonly IpvsProgram[], after: IpvsProgram | null): readonly VirtualServerId[] {
  const ids = new Map<string, VirtualServerId>();
  for (const program of known) {
    const before = remembered.get(program);
    const found = before?.after === after && before !== undefined ? before.ids : idsLeaving(program, after);
    remembered.set(program, { after, ids: found });
    for (const id of found) ids.set(idText(id), id);
  }
  return [...ids.values()];
}

function idsLeaving(program: IpvsProgram, after: IpvsProgram | null): readonly VirtualServerId[] {
  if (program === after) return [];
  const wanted = new Map(after?.virtualServers.map((server) => [idText(server.id), server]));
  return program.virtualServers.flatMap((server) => {
    const next = wanted.get(idText(server.id));
    if (next === undefined) return server.realServers.length > 0 ? [server.id] : [];
    const reals = new Set(next.realServers.map(realText));
    return server.realServers.every((real) => reals.has(realText(real))) ? [] : [server.id];
  });
}
