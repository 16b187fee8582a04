import type { Family, IpAddress, Prefix } from "../net/address.ts";
import type { Port, PortRange, Protocol } from "../net/port.ts";
import type { Location } from "../source.ts";
import type { Affinity, Forwarding, Scheduler, SchedulerFlag } from "../spec/schema.ts";

/** `shop/web:http`, or `shop/web` for a port without a name: identity of a service port, and the comment on its rules. */
export type ServiceKey = string;

export type FrontendKind = "cluster" | "external" | "load-balancer" | "node-port";

/**
 * Where a packet comes from, seen from the node. `pod`: what the node's detector takes for a pod, tested first;
 * `node`: any address that is local to the node; `outside`: everything else.
 */
export type SourceClass = "pod" | "node" | "outside";

/** A server, as one frontend's packets may reach it. `weight` is at least 1 in `IrPool.endpoints`, 0 in `drained`. */
export interface IrEndpoint {
  readonly address: IpAddress;
  readonly port: Port;
  readonly weight: number;
  /** Runs on this node. */
  readonly local: boolean;
  /** May be the source of a packet to its own service here: on this node, or inside its pod ranges. */
  readonly mayHairpin: boolean;
  /** IPVS connection thresholds; 0 is none. */
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  readonly origin: Location;
}

/**
 * The endpoints that one set of policies selects, for one service port and family.
 * `cluster` is every usable endpoint after topology, `local` those on this node.
 * Both lists are in address and port order; the same pool object serves all frontends that use it.
 */
export interface IrPool {
  readonly scope: "cluster" | "local";
  /** New connections go to these, in proportion to weight; weights have no common divisor. */
  readonly endpoints: readonly IrEndpoint[];
  /** No new connections, but those that exist go on: draining, or of weight 0. */
  readonly drained: readonly IrEndpoint[];
  readonly totalWeight: number;
}

/** What happens to packets from one kind of source; the first route whose source matches counts. */
export interface IrRoute {
  readonly sources: SourceClass | "any";
  readonly pool: IrPool;
  readonly masquerade: boolean;
  /** The verdict when `pool.endpoints` is empty. */
  readonly whenEmpty: "reject" | "drop";
}

interface IrFrontendBase {
  readonly key: ServiceKey;
  readonly family: Family;
  readonly protocol: Protocol;
  readonly port: Port;
  /** Never empty; the last route's source is `any`. */
  readonly routes: readonly IrRoute[];
  /** Only these sources may use it, tested before the routes; null is everyone. No prefix covers another. */
  readonly sourceRanges: readonly Prefix[] | null;
  readonly affinity: Affinity | null;
  readonly scheduler: Scheduler | null;
  readonly schedulerFlags: readonly SchedulerFlag[];
  readonly onePacket: boolean;
  readonly forwarding: Forwarding;
  readonly origin: Location;
}

/** One address, protocol and port that a service answers on. Nothing in it needs parsing or looking up. */
export interface IrAddressFrontend extends IrFrontendBase {
  readonly kind: "cluster" | "external" | "load-balancer";
  readonly address: IpAddress;
}

/** A port on the node's own addresses, those that `NodeIr.nodePortAddresses` selects. */
export interface IrNodePortFrontend extends IrFrontendBase {
  readonly kind: "node-port";
  readonly address: null;
}

export type IrFrontend = IrAddressFrontend | IrNodePortFrontend;

/** One service as this node serves it. */
export interface IrService {
  readonly name: string;
  readonly frontends: readonly IrFrontend[];
  /** Cluster VIPs; a port of theirs that no frontend has is rejected. */
  readonly vips: readonly IpAddress[];
  readonly healthCheckPort: Port | null;
  readonly allowedWarnings: readonly string[];
  /** Where single settings stand: key is the setting's word. */
  readonly settingOrigins: Readonly<Record<string, Location>>;
  readonly origin: Location;
}

/** How a packet is told to come from a pod. */
export type IrDetector =
  | { readonly kind: "prefixes"; readonly prefixes: readonly Prefix[] }
  | { readonly kind: "interface"; readonly name: string }
  | { readonly kind: "interface-prefix"; readonly prefix: string }
  | { readonly kind: "none" };

/** Which of the node's addresses serve node ports. Loopback never does; an address must be local to the node to count. */
export type IrNodePortAddresses =
  | { readonly kind: "any" }
  /** No prefix covers another; may be empty, which serves none. */
  | { readonly kind: "prefixes"; readonly prefixes: readonly Prefix[] };

export interface IrMarks {
  /** Each a single bit of the packet mark, as a number: 0x4000. All differ. */
  readonly masquerade: number;
  readonly drop: number;
  readonly reject: number;
}

export interface IrIpvsSettings {
  readonly strictArp: boolean;
  readonly tcpTimeoutSeconds: number;
  readonly tcpFinTimeoutSeconds: number;
  readonly udpTimeoutSeconds: number;
  readonly excludedRanges: readonly Prefix[];
  readonly defaultScheduler: Scheduler;
}

export interface IrNode {
  readonly name: string;
  readonly zone: string | null;
  readonly addresses: readonly IpAddress[];
}

/** A value for each family. */
export type PerFamily<T> = Readonly<Record<Family, T>>;

/**
 * Everything decided for one node: what each frontend does with packets of each source. Input of all lowerings.
 * `services` are in name order. `frontends` are the same frontends of all services by family, in dispatch order:
 * addresses before node ports, by address, protocol (tcp, udp, sctp), port. No two have the same place in that order.
 */
export interface NodeIr {
  readonly node: IrNode;
  readonly detector: PerFamily<IrDetector>;
  /** Addresses in these that are no service's VIP are dropped; sorted, no prefix covers another. */
  readonly serviceRanges: PerFamily<readonly Prefix[]>;
  /** Cluster VIPs of all services, sorted, each once. */
  readonly vips: PerFamily<readonly IpAddress[]>;
  readonly nodePortAddresses: PerFamily<IrNodePortAddresses>;
  readonly frontends: PerFamily<readonly IrFrontend[]>;
  readonly services: readonly IrService[];
  readonly marks: IrMarks;
  readonly ipvs: IrIpvsSettings;
  /** Where the userspace proxy may listen: the first range, and the next ones when it is full. */
  readonly proxyPorts: readonly PortRange[];
  /** Warning codes accepted for the whole cluster. */
  readonly allowedWarnings: readonly string[];
}
