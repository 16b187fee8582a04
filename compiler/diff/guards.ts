import { guardAgainst, guardText } from "../spec/guards.ts";
import type { ServiceSpec, Spec } from "../spec/schema.ts";
import type { Concern, SettingChange } from "./change.ts";

/** What changes of who may claim which addresses. */
export interface GuardChanges {
  readonly concerns: readonly Concern[];
  readonly settings: readonly SettingChange[];
}

/**
 * A guard that goes is no traffic by itself, which makes it a notice: it lets a later change claim addresses. Where this
 * very change claims one that the old guards refuse, it takes what was kept from it, and that is an exposure.
 */
export function guardChanges(old: Spec, now: Spec): GuardChanges {
  const olds = new Set(old.cluster.guards.map(guardText));
  const news = new Set(now.cluster.guards.map(guardText));
  const gone = [...olds].filter((text) => !news.has(text));
  const fresh = [...news].filter((text) => !olds.has(text));
  const taken = gone.length === 0 ? [] : now.services.flatMap((service) => refusedBefore(service, old));
  return {
    concerns: [
      ...taken.map((what) => ({ kind: "exposure", what }) as const),
      ...gone.map((text) => ({ kind: "notice", what: `the guard is gone: ${text}` }) as const),
    ],
    settings: [
      ...gone.map((before) => ({ setting: "guard", before, after: null })),
      ...fresh.map((after) => ({ setting: "guard", before: null, after })),
    ],
  };
}

function refusedBefore(service: ServiceSpec, { cluster }: Spec): readonly string[] {
  const claims = [...service.vips, ...service.externals, ...service.loadBalancers];
  return claims.flatMap(({ address }) => {
    const guard = guardAgainst(address, service.name, cluster.guards);
    if (guard === null) return [];
    return [`${service.name} claims ${address.text}, which was guarded before: ${guardText(guard)}`];
  });
}
