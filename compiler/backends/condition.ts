import type { Family, Prefix } from "../net/address.ts";
import type { PortRange, Protocol } from "../net/port.ts";

/**
 * What one rule, element or virtual server asks of a packet, all at once; null where it does not ask. Negation makes no
 * difference here: the boundary between yes and no is the same.
 */
export interface Condition {
  readonly family: Family;
  readonly source: Prefix | null;
  /** Before or after translation. */
  readonly destination: Prefix | null;
  readonly protocol: Protocol | null;
  readonly ports: PortRange | null;
  readonly inputInterface: InterfaceTest | null;
}

export interface InterfaceTest {
  readonly name: string;
  /** All names that begin so. */
  readonly isPrefix: boolean;
}

export function anything(family: Family): Condition {
  return { family, source: null, destination: null, protocol: null, ports: null, inputInterface: null };
}

export function onePort(port: number): PortRange {
  return { first: port, last: port };
}
