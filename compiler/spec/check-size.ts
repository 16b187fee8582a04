import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import { greatestCommonDivisor } from "../net/fraction.ts";
import type { ServiceSpec, Spec } from "./schema.ts";

/**
 * What the services of a spec may make together. A few lines multiply: addresses by ports by endpoints, and lists that
 * many addresses allow. The bounds are ten times what a large cluster has (20,000 services of eight endpoints), and keep
 * compilation below some two GiB of memory, whoever wrote the spec.
 */
export const largestSpec = {
  frontends: 500_000,
  endpoints: 2_000_000,
  sources: 2_000_000,
  slots: 5_000_000,
  guarded: 20_000_000,
} as const;

type Amounts = Readonly<Record<keyof typeof largestSpec, number>>;

const words: Readonly<Record<keyof Amounts, string>> = {
  frontends: "pairs of an address and a port",
  endpoints: "endpoints, counted for each address and port",
  sources: "allowed sources, counted for each address and port",
  slots: "shares of weight, counted for each address and port",
  guarded: "addresses, counted for each prefix and service of a guard",
};

const kinds = ["frontends", "endpoints", "sources", "slots", "guarded"] as const;

/** One finding at the service with which the spec becomes too large; nothing that follows is worth looking at then. */
export function checkSize({ services, cluster }: Pick<Spec, "services" | "cluster">): readonly Diagnostic[] {
  const guards = cluster.guards.reduce((sum, guard) => sum + guard.prefixes.length + guard.services.length, 0);
  const total = { frontends: 0, endpoints: 0, sources: 0, slots: 0, guarded: 0 };
  for (const service of services) {
    const own = amountsOf(service, guards);
    for (const kind of kinds) {
      total[kind] += own[kind];
      if (total[kind] <= largestSpec[kind]) continue;
      const parameters = { what: words[kind], count: total[kind], limit: largestSpec[kind], service: service.name };
      const help =
        own[kind] > largestSpec[kind] / 10
          ? `${service.name} alone has ${own[kind]}: give it less of what multiplies`
          : kind === "slots"
            ? "smaller weights with about the same proportions need less: 1 and 1 for 511 and 512"
            : "divide the spec into several, for different nodes";
      return [diagnostic("spec/too-large", parameters, { at: service.origin, help })];
    }
  }
  return [];
}

function amountsOf(service: ServiceSpec, guards: number): Amounts {
  const ports = service.ports.length;
  const addresses = service.vips.length + service.externals.length + service.loadBalancers.length;
  const nodePorts = service.ports.filter((port) => port.nodePort !== null).length;
  const frontends = addresses * ports + nodePorts;
  const sources = service.loadBalancers.reduce((sum, { allow }) => sum + (allow?.length ?? 0), 0);
  return {
    frontends,
    endpoints: frontends * service.endpoints.length,
    sources: sources * ports,
    slots: frontends * slotsOf(service),
    guarded: addresses * guards,
  };
}

/** Where weights are many elements of a map, a pool has so many at most, or a chain of its own with one rule for each endpoint. */
const mostSlots = 1024;

function slotsOf({ endpoints }: ServiceSpec): number {
  const weights = endpoints.map((endpoint) => endpoint.weight).filter((weight) => weight > 0);
  const total = weights.reduce((sum, weight) => sum + weight, 0) / Math.max(1, greatestCommonDivisor(weights));
  return total > mostSlots ? endpoints.length : total;
}
