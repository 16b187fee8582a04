import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Spec } from "../spec/schema.ts";
import { cannotCarry, type Refusals } from "./cannot-carry.ts";
import { clusterObjects, nodeObject } from "./from-cluster.ts";
import { sliceObjects } from "./from-endpoints.ts";
import { serviceObject } from "./from-service.ts";
import { printYaml } from "./yaml-text.ts";

export interface ConvertedObjects {
  /** A multi-document YAML text; of use only without errors. */
  readonly text: string;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * A spec as Kubernetes objects: configuration, nodes, then each service with its slices. Reading them gives a spec that
 * resolves to the same frontends and pools on every node; what objects cannot say is an error at its place.
 */
export function objectsFromSpec(spec: Spec): ConvertedObjects {
  const refusals: Refusals = { diagnostics: [] };
  for (const expected of spec.expects) {
    cannotCarry(refusals, "expect", expected.origin, "keep expectations in a .weir file beside the objects");
  }
  const objects = [
    ...clusterObjects(spec.cluster, refusals),
    ...spec.nodes.map((node) => nodeObject(node, refusals)),
    ...spec.services.flatMap((service) => [serviceObject(service, refusals), ...sliceObjects(service, refusals)]),
  ];
  return { text: objects.map(printYaml).join("---\n"), diagnostics: refusals.diagnostics };
}
