import { type Family, families } from "../net/address.ts";
import type { ServiceSpec } from "./schema.ts";

/**
 * The families that a service answers in. Its VIPs decide; without one, its other addresses do, then its endpoints;
 * a service with nothing but node ports and no endpoints refuses them in both families.
 * An external address of a family without a VIP adds that family for itself alone (see `externalFamilies`).
 */
export function serviceFamilies(
  service: Pick<ServiceSpec, "vips" | "externals" | "loadBalancers" | "endpoints">,
): readonly Family[] {
  const sources = [service.vips, [...service.externals, ...service.loadBalancers], service.endpoints];
  for (const source of sources) {
    const present = families.filter((family) => source.some((item) => item.address.family === family));
    if (present.length > 0) return present;
  }
  return families;
}

/** Every family in which some address of the service can be reached, so that endpoints of it are of use. */
export function reachableFamilies(service: ServiceSpec): ReadonlySet<Family> {
  return new Set([
    ...serviceFamilies(service),
    ...service.externals.map((external) => external.address.family),
    ...service.loadBalancers.map((balancer) => balancer.address.family),
  ]);
}
