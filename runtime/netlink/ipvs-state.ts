import type { IpvsTimeouts, RealServer } from "../../compiler/backends/ipvs/program.ts";
import type { VirtualServerSettings } from "../../compiler/backends/step.ts";

/** A real server as the kernel has it, with its connections. */
export interface RealServerState extends RealServer {
  readonly activeConnections: number;
  /** Of TCP those that are closing, of UDP all. */
  readonly inactiveConnections: number;
  /** Templates: clients that come back here, with or without a connection. */
  readonly persistentConnections: number;
  /** What a program cannot say, `forwarding method local`: someone else's; `method` is then only the nearest one. */
  readonly unusual: string | null;
}

/** A virtual server as the kernel has it. The kernel knows no service keys: `key` is null. */
export interface VirtualServerState extends VirtualServerSettings {
  /** By address and port. */
  readonly realServers: readonly RealServerState[];
  /** What a program cannot say, `scheduler twos`: someone else's; `scheduler` is then wrr. A port of 0 is possible. */
  readonly unusual: string | null;
}

export interface IpvsState {
  /** IPv4 first; of a family those by address, protocol and port before those by mark. */
  readonly servers: readonly VirtualServerState[];
  readonly timeouts: IpvsTimeouts;
}
