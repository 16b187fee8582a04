import type { IrFrontend, IrPool, IrService, NodeIr } from "../ir/ir.ts";
import { compareText } from "../net/order.ts";
import { assert } from "../result.ts";
import type { FrontendChange, ServiceChange, SettingChange } from "./change.ts";
import { type FrontendPair, frontendChange, frontendOfPair, placeOf } from "./frontends.ts";

/** What becomes of the services of one node, and the frontends that differ, which the programs are asked about. */
export interface ComparedServices {
  readonly services: readonly ServiceChange[];
  readonly pairs: readonly FrontendPair[];
}

/** Frontends meet by what clients send to; a service that hands a place to another changes both. */
export function compareServices(old: NodeIr, now: NodeIr): ComparedServices {
  const pairs = changedPairs(old, now);
  const changes = new Map<string, FrontendChange[]>();
  const kept: FrontendPair[] = [];
  for (const pair of pairs) {
    const change = frontendChange(old, now, pair);
    if (change === null) continue;
    kept.push(pair);
    const name = serviceOf(frontendOfPair(pair));
    changes.set(name, [...(changes.get(name) ?? []), change]);
  }
  const olds = new Map(old.services.map((service) => [service.name, service] as const));
  const news = new Map(now.services.map((service) => [service.name, service] as const));
  const names = [...new Set([...olds.keys(), ...news.keys()])].sort(compareText);
  const services = names.flatMap((name) => {
    const [before, after] = [olds.get(name) ?? null, news.get(name) ?? null];
    const frontends = joined(changes.get(name) ?? []);
    const settings = serviceSettings(before, after);
    if (before !== null && after !== null && frontends.length === 0 && settings.length === 0) return [];
    const change = before === null ? "added" : after === null ? "removed" : "changed";
    return [{ change, name, frontends, settings } as const];
  });
  return { services, pairs: kept };
}

function serviceOf({ key }: IrFrontend): string {
  const colon = key.indexOf(":");
  return colon === -1 ? key : key.slice(0, colon);
}

/** Pairs whose sides are not the same to the last field. Nearly all frontends of two specs are. */
function changedPairs(old: NodeIr, now: NodeIr): readonly FrontendPair[] {
  const olds = byPlace(old);
  const news = byPlace(now);
  const sameDefault = old.ipvs.defaultScheduler === now.ipvs.defaultScheduler;
  const places = [...new Set([...news.keys(), ...olds.keys()])];
  return places.flatMap((place) => {
    const pair = { before: olds.get(place) ?? null, after: news.get(place) ?? null };
    const isSame =
      pair.before !== null &&
      pair.after !== null &&
      (sameDefault || pair.after.scheduler !== null) &&
      fingerprint(pair.before) === fingerprint(pair.after);
    return isSame ? [] : [pair];
  });
}

function byPlace(ir: NodeIr): ReadonlyMap<string, IrFrontend> {
  const all = [...ir.frontends.ipv4, ...ir.frontends.ipv6];
  const map = new Map(all.map((frontend) => [placeOf(frontend), frontend] as const));
  assert(map.size === all.length, "two frontends have one place");
  return map;
}

const poolTexts = new WeakMap<IrPool, string>();

/** Everything of a frontend but where it is declared. */
function fingerprint(frontend: IrFrontend): string {
  const { key, kind, routes, sourceRanges, affinity, scheduler, schedulerFlags, onePacket, forwarding } = frontend;
  const ways = routes.map(({ sources, pool, masquerade, whenEmpty }) => [
    sources,
    masquerade,
    whenEmpty,
    poolText(pool),
  ]);
  const ranges = sourceRanges?.map(({ text }) => text) ?? null;
  return JSON.stringify([key, kind, ways, ranges, affinity, scheduler, schedulerFlags, onePacket, forwarding]);
}

function poolText(pool: IrPool): string {
  const known = poolTexts.get(pool);
  if (known !== undefined) return known;
  const text = JSON.stringify([
    pool.endpoints.map((each) => [
      each.address.text,
      each.port,
      each.weight,
      each.local,
      each.mayHairpin,
      each.upperThreshold,
      each.lowerThreshold,
    ]),
    pool.drained.map((each) => [each.address.text, each.port]),
  ]);
  poolTexts.set(pool, text);
  return text;
}

/** Ports of one service that change alike are told once, with all their places: a VIP and its load balancer mostly do. */
function joined(changes: readonly FrontendChange[]): readonly FrontendChange[] {
  const alike = new Map<string, FrontendChange[]>();
  for (const change of changes) {
    const { places: _places, kinds: _kinds, ...rest } = change;
    const key = JSON.stringify(rest, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value));
    alike.set(key, [...(alike.get(key) ?? []), change]);
  }
  return [...alike.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const places = group.flatMap((each) => each.places);
    return [{ ...first, places, kinds: [...new Set(group.flatMap((each) => each.kinds))] }];
  });
}

function serviceSettings(before: IrService | null, after: IrService | null): readonly SettingChange[] {
  return [
    setting("health check port", before, after, ({ healthCheckPort }) => healthCheckPort?.toString() ?? null),
    // a port of a VIP that nobody serves is rejected
    setting("VIPs", before, after, ({ vips }) => vips.map(({ text }) => text).join(", ") || null),
  ].flat();
}

function setting(
  name: string,
  before: IrService | null,
  after: IrService | null,
  tell: (service: IrService) => string | null,
): readonly SettingChange[] {
  const change = { setting: name, before: before && tell(before), after: after && tell(after) };
  return change.before === change.after ? [] : [change];
}
