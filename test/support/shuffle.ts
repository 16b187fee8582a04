import type { SpecFragment } from "../../compiler/spec/fragment.ts";
import type { EndpointSpec, ServiceSpec } from "../../compiler/spec/schema.ts";

/** Puts a list into another order without changing it. */
export type Reorder = <T>(items: readonly T[]) => readonly T[];

export const reversed: Reorder = (items) => [...items].reverse();

/** Numbers from 0 up to 1 that follow from the seed alone (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A Fisher-Yates shuffle that follows from the seed. */
export function shuffledBy(seed: number): Reorder {
  const random = randomFrom(seed);
  return (items) => {
    const result = [...items];
    for (let at = result.length - 1; at > 0; at--) {
      const other = Math.floor(random() * (at + 1));
      const [a, b] = [result[at], result[other]];
      if (a !== undefined && b !== undefined) [result[at], result[other]] = [b, a];
    }
    return result;
  };
}

/** The same declarations in another order: everything but the addresses of a node, the first of which is its primary. */
export function reorderFragment(fragment: SpecFragment, reorder: Reorder): SpecFragment {
  return {
    settings: reorder(fragment.settings).map((setting) =>
      Array.isArray(setting.value) ? Object.assign({}, setting, { value: reorder(setting.value) }) : setting,
    ),
    nodes: reorder(fragment.nodes).map((node) => ({ ...node, pods: reorder(node.pods) })),
    services: reorder(fragment.services).map((service) => reorderService(service, reorder)),
    endpointGroups: reorder(fragment.endpointGroups).map((group) => ({
      ...group,
      endpoints: reorder(group.endpoints).map((endpoint) => reorderEndpoint(endpoint, reorder)),
    })),
    expects: reorder(fragment.expects),
    includes: reorder(fragment.includes),
  };
}

function reorderService(service: ServiceSpec, reorder: Reorder): ServiceSpec {
  return {
    ...service,
    vips: reorder(service.vips),
    externals: reorder(service.externals),
    loadBalancers: reorder(service.loadBalancers).map((balancer) => ({
      ...balancer,
      allow: balancer.allow === null ? null : reorder(balancer.allow),
    })),
    schedulerFlags: reorder(service.schedulerFlags),
    ports: reorder(service.ports),
    endpoints: reorder(service.endpoints).map((endpoint) => reorderEndpoint(endpoint, reorder)),
    allowedWarnings: reorder(service.allowedWarnings),
  };
}

function reorderEndpoint(endpoint: EndpointSpec, reorder: Reorder): EndpointSpec {
  const { hints, ports } = endpoint;
  return {
    ...endpoint,
    hints: hints === null ? null : { zones: reorder(hints.zones), nodes: reorder(hints.nodes) },
    ports: ports === null ? null : reorder(ports),
  };
}
