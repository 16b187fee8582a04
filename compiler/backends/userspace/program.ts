import type { FrontendKind, IrDetector, IrNodePortAddresses, PerFamily, SourceClass } from "../../ir/ir.ts";
import type { Family, IpAddress, Prefix } from "../../net/address.ts";
import type { Port, Protocol } from "../../net/port.ts";
import type { Scheduler } from "../../spec/schema.ts";
import type { IptablesProgram } from "../iptables/program.ts";

/** A proxy's table, and the rules that send packets for services to its listeners. */
export interface ProxyProgram {
  readonly table: ProxyTable;
  readonly rules: IptablesProgram;
}

/**
 * What a proxy needs to know, with rules in front of it or without. With rules it binds the listeners, and each of
 * them has one list of endpoints: the rules have told sources apart. Without rules it binds the addresses of
 * `frontends` itself, and goes by their routes and source ranges.
 */
export interface ProxyTable {
  readonly listeners: readonly ProxyListener[];
  readonly frontends: readonly ProxyFrontend[];
  /** How a source is told to be a pod, tested before anything else; interfaces are seen by rules alone. */
  readonly pods: PerFamily<IrDetector>;
  readonly nodePortAddresses: PerFamily<IrNodePortAddresses>;
}

export interface ProxyEndpoint {
  readonly address: IpAddress;
  readonly port: Port;
  readonly weight: number;
}

export interface ProxySocket {
  readonly address: IpAddress;
  readonly port: Port;
}

/** Clients whose addresses agree in the first `prefixLength` bits stay with an endpoint, as long as they come again in time. */
export interface ProxyAffinity {
  readonly timeoutSeconds: number;
  readonly prefixLength: number;
}

/** One socket of the proxy and where its connections go. */
export interface ProxyListener {
  /** Unique; a function of what it serves, not of what else there is. */
  readonly name: string;
  readonly key: string;
  readonly family: Family;
  readonly protocol: Protocol;
  /**
   * An address of the node, to which rules translate. null where none is known: rules redirect to whatever address the
   * packet's interface has, so the proxy binds every address of the node, with a socket for each. A socket bound to
   * the wildcard would answer UDP from an address that the client never asked.
   */
  readonly address: IpAddress | null;
  readonly port: Port;
  readonly affinity: ProxyAffinity | null;
  /** How the proxy spreads new connections; null: in turn by weight. */
  readonly scheduler: Scheduler | null;
  /** Never empty; in address order. */
  readonly endpoints: readonly ProxyEndpoint[];
  /** Keep what they have, get nothing new. */
  readonly drained: readonly ProxySocket[];
}

/** Where packets from one kind of source go; the first route whose source matches counts. */
export type ProxyRoute =
  | { readonly sources: SourceClass | "any"; readonly listener: string }
  | { readonly sources: SourceClass | "any"; readonly verdict: "reject" | "drop" };

export interface ProxyFrontend {
  readonly key: string;
  readonly kind: FrontendKind;
  readonly family: Family;
  readonly protocol: Protocol;
  /** null for node ports. */
  readonly address: IpAddress | null;
  readonly port: Port;
  readonly sourceRanges: readonly Prefix[] | null;
  readonly routes: readonly ProxyRoute[];
}
