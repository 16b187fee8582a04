import { decide, routeFor, shareOf } from "../ir/decide.ts";
import type { IrFrontend, IrPool, NodeIr, SourceClass } from "../ir/ir.ts";
import { frontendOf } from "../ir/lookup.ts";
import { addressFromBits, type Prefix } from "../net/address.ts";
import { equalFractions } from "../net/fraction.ts";
import { formatSocket } from "../net/socket.ts";
import { assert } from "../result.ts";
import { formatPlace } from "../source.ts";
import type {
  ClientChange,
  FrontendChange,
  LeavingEndpoint,
  Served,
  SettingChange,
  SourceRangeChange,
} from "./change.ts";
import { rangesWithout } from "./ranges.ts";

export const clientClasses = ["pod", "node", "outside"] as const satisfies readonly SourceClass[];

/** One frontend in the old and the new meaning; the other side may not have it. */
export interface FrontendPair {
  readonly before: IrFrontend | null;
  readonly after: IrFrontend | null;
}

export function frontendOfPair({ before, after }: FrontendPair): IrFrontend {
  const frontend = after ?? before;
  assert(frontend !== null, "a frontend is on one side at least");
  return frontend;
}

/** `10.96.0.10:80/tcp`, `node port 30080/tcp (ipv4)`: what clients send to. */
export function placeOf({ address, family, port, protocol }: IrFrontend): string {
  return address === null ? `node port ${port}/${protocol} (${family})` : `${formatSocket(address, port)}/${protocol}`;
}

/** What clients of a class meet, if the source ranges let them in. */
export function servedBy(ir: NodeIr, pair: FrontendPair, own: IrFrontend | null, client: SourceClass): Served {
  const place = frontendOfPair(pair);
  // an address of the node itself may still have a node port of that number
  const frontend = own ?? (place.address && frontendOf(ir, place.address, place.protocol, place.port));
  if (frontend === null) return { verdict: unservedVerdict(ir, place), masquerade: false, endpoints: [] };
  const { pool, masquerade, whenEmpty } = routeFor(frontend, client);
  if (pool.endpoints.length === 0) return { verdict: whenEmpty, masquerade: false, endpoints: [] };
  const scheduler = frontend.scheduler ?? ir.ipvs.defaultScheduler;
  const endpoints = pool.endpoints.map((endpoint) => ({
    place: formatSocket(endpoint.address, endpoint.port),
    share: shareOf(scheduler, pool, endpoint),
    weight: endpoint.weight,
  }));
  return { verdict: "endpoints", masquerade, endpoints };
}

/** What becomes of packets to a place that no frontend has: nobody's, refused by a VIP, or swallowed by a range. */
function unservedVerdict(ir: NodeIr, { address, port, protocol, family }: IrFrontend): "drop" | "reject" | "pass" {
  if (address === null) return "pass";
  const packet = { protocol, source: addressFromBits(family, 1n), destination: address, port, inputInterface: null };
  const { verdict } = decide(ir, packet);
  return verdict === "endpoints" ? "pass" : verdict;
}

/** Weights count beside shares: backends differ in which of them a scheduler makes them follow. */
export function equalServed(a: Served, b: Served): boolean {
  return (
    a.verdict === b.verdict &&
    a.masquerade === b.masquerade &&
    a.endpoints.length === b.endpoints.length &&
    a.endpoints.every(({ place, share, weight }, at) => {
      const other = b.endpoints[at];
      if (other === undefined || place !== other.place || weight !== other.weight) return false;
      if (share === null || other.share === null) return share === other.share;
      return equalFractions(share, other.share);
    })
  );
}

/** How one frontend changes; null when it means the same. */
export function frontendChange(old: NodeIr, now: NodeIr, pair: FrontendPair): FrontendChange | null {
  const { before, after } = pair;
  const clients = clientChanges(old, now, pair);
  const sourceRanges = before === null || after === null ? null : rangeChange(before, after);
  const settings = frontendSettings(old, now, pair);
  const leaving = leavingEndpoints(pair);
  const isSame = clients.length === 0 && sourceRanges === null && settings.length === 0 && leaving.length === 0;
  if (isSame && before !== null && after !== null) return null;
  const frontend = frontendOfPair(pair);
  return {
    change: before === null ? "added" : after === null ? "removed" : "changed",
    key: frontend.key,
    places: [placeOf(frontend)],
    kinds: [frontend.kind],
    clients,
    sourceRanges,
    settings,
    leaving,
    protocols: [frontend.protocol],
    declared: formatPlace(frontend.origin),
  };
}

function clientChanges(old: NodeIr, now: NodeIr, pair: FrontendPair): readonly ClientChange[] {
  const changes: { clients: SourceClass[]; before: Served; after: Served }[] = [];
  for (const client of clientClasses) {
    const before = servedBy(old, pair, pair.before, client);
    const after = servedBy(now, pair, pair.after, client);
    if (equalServed(before, after)) continue;
    const like = changes.find((one) => equalServed(one.before, before) && equalServed(one.after, after));
    if (like === undefined) changes.push({ clients: [client], before, after });
    else like.clients.push(client);
  }
  return changes;
}

function rangeChange(before: IrFrontend, after: IrFrontend): SourceRangeChange | null {
  const { family } = after;
  const letIn = rangesWithout(family, after.sourceRanges, before.sourceRanges);
  const keptOut = rangesWithout(family, before.sourceRanges, after.sourceRanges);
  if (letIn.length === 0 && keptOut.length === 0) return null;
  return {
    before: texts(before.sourceRanges),
    after: texts(after.sourceRanges),
    letIn: letIn.map(({ text }) => text),
    keptOut: keptOut.map(({ text }) => text),
  };
}

function texts(ranges: readonly Prefix[] | null): readonly string[] | null {
  return ranges === null ? null : ranges.map(({ text }) => text);
}

/** Affinity, scheduler, forwarding and the like; of a frontend that comes or goes only what is not ordinary. */
function frontendSettings(old: NodeIr, now: NodeIr, { before, after }: FrontendPair): readonly SettingChange[] {
  if (before === null || after === null) return [];
  const olds = settingsOf(old, before);
  const news = settingsOf(now, after);
  return [...changedSettings(olds, news), ...hairpinChange(before, after)];
}

/** The settings that differ; both sides have the same words. */
export function changedSettings(
  olds: Readonly<Record<string, string | null>>,
  news: Readonly<Record<string, string | null>>,
): readonly SettingChange[] {
  return Object.keys(news).flatMap((setting) => {
    const change = { setting, before: olds[setting] ?? null, after: news[setting] ?? null };
    return change.before === change.after ? [] : [change];
  });
}

function settingsOf(ir: NodeIr, frontend: IrFrontend): Readonly<Record<string, string | null>> {
  const { affinity, forwarding, family } = frontend;
  const netmask = affinity?.netmask == null ? "" : `, by /${affinity.netmask[family]}`;
  const flags = frontend.schedulerFlags.join(", ");
  const tunnel =
    forwarding.method === "tunnel"
      ? `tunnel ${forwarding.type}${forwarding.port === null ? "" : ` ${forwarding.port}`}`
      : null;
  return {
    service: frontend.key,
    kind: frontend.kind,
    affinity: affinity === null ? null : `client-ip ${affinity.timeoutSeconds}s${netmask}`,
    scheduler: `${frontend.scheduler ?? ir.ipvs.defaultScheduler}${flags === "" ? "" : ` (${flags})`}`,
    "one-packet": frontend.onePacket ? "on" : null,
    forwarding: tunnel ?? forwarding.method,
    thresholds: thresholdsOf(frontend),
  };
}

/** Only endpoints that were there before and after could be compared, so the whole is: it is rarely set. */
function thresholdsOf(frontend: IrFrontend): string | null {
  const set = poolsOf(frontend)
    .flatMap(({ endpoints }) => endpoints)
    .filter(({ upperThreshold, lowerThreshold }) => upperThreshold + lowerThreshold > 0)
    .map((each) => `${formatSocket(each.address, each.port)} ${each.lowerThreshold}..${each.upperThreshold}`);
  return set.length === 0 ? null : [...new Set(set)].join(", ");
}

/** Of endpoints that stay: whether they may be clients of their own service here. It follows from the node's pod ranges. */
function hairpinChange(before: IrFrontend, after: IrFrontend): readonly SettingChange[] {
  const ability = (frontend: IrFrontend): ReadonlyMap<string, boolean> =>
    new Map(
      poolsOf(frontend).flatMap(({ endpoints }) =>
        endpoints.map((each) => [formatSocket(each.address, each.port), each.mayHairpin] as const),
      ),
    );
  const was = ability(before);
  const changed = [...ability(after)].filter(([place, able]) => (was.get(place) ?? able) !== able);
  return changed.map(([place, able]) => {
    const words = (is: boolean): string => (is ? "masqueraded" : "unchanged");
    return { setting: `${place} as its own client`, before: words(!able), after: words(able) };
  });
}

function poolsOf(frontend: IrFrontend): readonly IrPool[] {
  return [...new Set(frontend.routes.map(({ pool }) => pool))];
}

/** Endpoints that had connections, or could have, and get no new ones any more. */
function leavingEndpoints({ before, after }: FrontendPair): readonly LeavingEndpoint[] {
  if (before === null) return [];
  const pools = after === null ? [] : poolsOf(after);
  const active = socketsOf(pools.map(({ endpoints }) => endpoints));
  const drained = socketsOf(pools.map((pool) => pool.drained));
  const old = poolsOf(before);
  const wasActive = socketsOf(old.map(({ endpoints }) => endpoints));
  const wasDrained = socketsOf(old.map((pool) => pool.drained));
  return [...new Set([...wasActive, ...wasDrained])]
    .filter((place) => !active.has(place) && !(drained.has(place) && wasDrained.has(place) && !wasActive.has(place)))
    .map((place) => ({ place, drained: drained.has(place) }));
}

function socketsOf(lists: readonly IrPool["endpoints"][]): ReadonlySet<string> {
  return new Set(lists.flat().map(({ address, port }) => formatSocket(address, port)));
}
