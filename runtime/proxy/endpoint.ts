import { hashText } from "../../compiler/backends/hash.ts";
import type { IpAddress } from "../../compiler/net/address.ts";
import type { Port, Protocol } from "../../compiler/net/port.ts";
import { formatSocket } from "../../compiler/net/socket.ts";

/**
 * An endpoint as a pool knows it. It outlives changes of the table, so that connections that were begun before count on.
 * Byte counts are those of payload.
 */
export interface PoolEndpoint {
  /** `10.244.1.5:8080`. */
  readonly id: string;
  readonly address: IpAddress;
  readonly port: Port;
  readonly hash: number;
  /** 0: it gets nothing new. */
  weight: number;
  /** When it must be without connections, on the clock of the proxy; null while the table has it. */
  leavesAt: number | null;
  /** Smooth weighted round robin: how much it has waited. */
  current: number;
  /** Connections or UDP clients that it has. */
  active: number;
  connections: number;
  bytesToEndpoint: number;
  bytesToClient: number;
  refused: number;
  timedOut: number;
  failed: number;
  resets: number;
}

export function newEndpoint(address: IpAddress, port: Port): PoolEndpoint {
  const id = formatSocket(address, port);
  return {
    id,
    address,
    port,
    hash: hashText(id),
    weight: 0,
    leavesAt: null,
    current: 0,
    active: 0,
    connections: 0,
    bytesToEndpoint: 0,
    bytesToClient: 0,
    refused: 0,
    timedOut: 0,
    failed: 0,
    resets: 0,
  };
}

/** What health is kept by: pools that lead to the same place share it. */
export function healthKey(protocol: Protocol, endpoint: PoolEndpoint): string {
  return `${protocol} ${endpoint.id}`;
}
