import type { VirtualServerId } from "../../compiler/backends/ipvs/program.ts";
import type { IpvsRequest } from "../../compiler/backends/step.ts";
import type { Host } from "../host/host.ts";
import type { IpvsState, RealServerState } from "./ipvs-state.ts";

/** A connection to the kernel's IPVS, held by a process of its own that is ended by `close`. */
export interface IpvsClient {
  read(): Promise<IpvsState>;
  /** Of each of these virtual servers, in their order; none for one that is not there. */
  readRealServers(ids: readonly VirtualServerId[]): Promise<readonly (readonly RealServerState[])[]>;
  /**
   * Carries out requests in their order. New ones for what is there change it, deleting what is not there is done.
   * Throws HostError that names the first request that failed and how many were done; none of those behind its batch
   * are tried.
   */
  send(requests: readonly IpvsRequest[]): Promise<void>;
  close(): void;
}

/**
 * null where the kernel has no IPVS, even after `modprobe ip_vs`.
 * Throws HostError when netlink cannot be had.
 */
export async function openIpvs(_host: Host): Promise<IpvsClient | null> {
  return null;
}
