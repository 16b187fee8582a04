import { fail, ok, type Result } from "../result.ts";

export type Protocol = "tcp" | "udp" | "sctp";

export const protocols = ["tcp", "udp", "sctp"] as const satisfies readonly Protocol[];

/** A port number, 1 to 65535. */
export type Port = number;

/** Both ends belong to the range. */
export interface PortRange {
  readonly first: Port;
  readonly last: Port;
}

/** A port from decimal digits. Leading zeros are allowed, signs and spaces are not. */
export function parsePort(text: string): Result<Port> {
  if (!/^[0-9]{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65535) {
    return fail(`${text} is not a port; ports are numbers from 1 to 65535`);
  }
  return ok(Number(text));
}

export function rangeHas(range: PortRange, port: Port): boolean {
  return range.first <= port && port <= range.last;
}

/** tcp, udp, sctp: the order in which frontends are listed. */
export function compareProtocols(a: Protocol, b: Protocol): number {
  return protocols.indexOf(a) - protocols.indexOf(b);
}
