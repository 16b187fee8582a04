import type { PerFamily, ServiceKey } from "../../ir/ir.ts";
import type { Family, IpAddress, Prefix } from "../../net/address.ts";
import type { Port, Protocol } from "../../net/port.ts";
import type { Scheduler, SchedulerFlag } from "../../spec/schema.ts";
import type { IptablesProgram } from "../iptables/program.ts";

/** Everything that IPVS and the parts around it need, as data. Words are those of ipvsadm(8) and ipset(8). */
export interface IpvsProgram {
  /** IPv4 first; in the order of the frontends, the one by address before those by mark. */
  readonly virtualServers: readonly VirtualServer[];
  readonly timeouts: IpvsTimeouts;
  /** Virtual servers inside these belong to someone else and are never removed. */
  readonly keptRanges: readonly Prefix[];
  /** A family's sets stand together, each set once. */
  readonly sets: readonly IpSet[];
  readonly rules: IptablesProgram;
  readonly routing: PerFamily<LocalRouting | null>;
  readonly sysctls: readonly Sysctl[];
}

/** How the kernel finds a virtual server: by what packets ask for, or by all 32 bits of their mark. */
export type VirtualServerId =
  | { readonly kind: "address"; readonly address: IpAddress; readonly protocol: Protocol; readonly port: Port }
  | { readonly kind: "mark"; readonly family: Family; readonly mark: number };

export interface VirtualServer {
  readonly id: VirtualServerId;
  /** null for one that belongs to no service. */
  readonly key: ServiceKey | null;
  readonly scheduler: Scheduler;
  /** Only with sh and mh. */
  readonly schedulerFlags: readonly SchedulerFlag[];
  readonly persistence: Persistence | null;
  /** Choose for each UDP packet. */
  readonly onePacket: boolean;
  readonly realServers: readonly RealServer[];
}

export interface Persistence {
  readonly timeoutSeconds: number;
  /** Clients whose addresses agree in so many leading bits count as one. */
  readonly prefixLength: number;
}

export type ForwardingMethod =
  | { readonly kind: "masq" | "route" }
  /** `port` is the UDP port of gue; null with the others. */
  | { readonly kind: "tunnel"; readonly type: "ipip" | "gue" | "gre"; readonly port: Port | null };

export interface RealServer {
  readonly address: IpAddress;
  readonly port: Port;
  readonly method: ForwardingMethod;
  /** 0: no new connections. */
  readonly weight: number;
  /** Numbers of connections; 0 is none. */
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
}

/** Seconds; 0 keeps what the kernel has. */
export interface IpvsTimeouts {
  readonly tcp: number;
  readonly tcpFin: number;
  readonly udp: number;
}

/** What a mapping set does to a packet's mark: `(mark & ~mask) ^ value`, the mask in all bits of the value. */
export interface MarkAction {
  readonly value: number;
  readonly mask: number;
}

export type SetElement =
  | { readonly kind: "ip"; readonly address: IpAddress }
  | { readonly kind: "net"; readonly prefix: Prefix }
  | {
      readonly kind: "ip-port";
      readonly address: IpAddress;
      readonly protocol: Protocol;
      readonly port: Port;
      readonly action: MarkAction | null;
      readonly comment: string;
    }
  | {
      readonly kind: "net-port";
      readonly prefix: Prefix;
      readonly protocol: Protocol;
      readonly port: Port;
      readonly action: MarkAction | null;
      readonly comment: string;
    }
  | {
      readonly kind: "ip-port-net";
      readonly address: IpAddress;
      readonly protocol: Protocol;
      readonly port: Port;
      readonly prefix: Prefix;
    }
  | {
      readonly kind: "ip-port-ip";
      readonly address: IpAddress;
      readonly protocol: Protocol;
      readonly port: Port;
      readonly client: IpAddress;
    };

export type SetElementKind = SetElement["kind"];

/** Type names of ipset by the shape of their elements. */
export const setTypes = {
  ip: "hash:ip",
  net: "hash:net",
  "ip-port": "hash:ip,port",
  "net-port": "hash:net,port",
  "ip-port-net": "hash:ip,port,net",
  "ip-port-ip": "hash:ip,port,ip",
} as const satisfies Record<SetElementKind, string>;

/** A set of elements of one kind, in the order of `compareElements`, each once. */
export interface IpSet {
  readonly name: string;
  readonly family: Family;
  readonly kind: SetElementKind;
  /** Elements carry mark actions. */
  readonly hasActions: boolean;
  /** Elements carry the service key as a comment. */
  readonly hasComments: boolean;
  readonly elements: readonly SetElement[];
}

/**
 * Packets with the mark are delivered to this node, and so to IPVS, when they are for one of the prefixes.
 * The addresses themselves stay foreign to the node: no ARP, no ping, no daemon answers on them.
 */
export interface LocalRouting {
  readonly rule: RoutingRule;
  readonly prefixes: readonly Prefix[];
}

export interface RoutingRule {
  readonly priority: number;
  readonly mark: number;
  readonly mask: number;
  readonly table: number;
}

export interface Sysctl {
  readonly name: string;
  readonly value: string;
}
