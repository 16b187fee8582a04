import type { Location } from "../source.ts";
import type { ClusterSpec, EndpointSpec, ExpectSpec, NodeSpec, ServiceSpec } from "./schema.ts";

type ClusterValues = Omit<ClusterSpec, "settingOrigins">;

/** One cluster setting as it stands in one place of one input. */
export type ClusterSetting = {
  readonly [K in keyof ClusterValues]: { readonly key: K; readonly value: ClusterValues[K]; readonly origin: Location };
}[keyof ClusterValues];

/** Endpoints of a service that is declared elsewhere: a Kubernetes EndpointSlice. */
export interface EndpointGroup {
  /** `namespace/name` of the service. */
  readonly service: string;
  readonly endpoints: readonly EndpointSpec[];
  readonly origin: Location;
}

/** `include "regions/*.weir"`; the path is relative to the including file. */
export interface IncludeRequest {
  readonly pattern: string;
  readonly origin: Location;
}

/** What one input file declares: the common output of both front ends. `mergeFragments` joins them into a Spec. */
export interface SpecFragment {
  readonly settings: readonly ClusterSetting[];
  readonly nodes: readonly NodeSpec[];
  readonly services: readonly ServiceSpec[];
  readonly endpointGroups: readonly EndpointGroup[];
  readonly expects: readonly ExpectSpec[];
  readonly includes: readonly IncludeRequest[];
}

export const emptyFragment: SpecFragment = {
  settings: [],
  nodes: [],
  services: [],
  endpointGroups: [],
  expects: [],
  includes: [],
};
