import type { IpAddress } from "../net/address.ts";
import type { Fraction } from "../net/fraction.ts";
import type { Port, Protocol } from "../net/port.ts";

/** The first packet of a connection, as it enters the node or leaves a process of the node. */
export interface Packet {
  readonly protocol: Protocol;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly port: Port;
  /** The interface it came in by; null for packets of the node itself, and where nothing is known of it. */
  readonly inputInterface: string | null;
}

/** One endpoint that a packet may reach. `share` is null where the choice depends on load or hashes. */
export interface Choice {
  readonly address: IpAddress;
  readonly port: Port;
  readonly share: Fraction | null;
  readonly masquerade: boolean;
}

/** Where a packet goes; `pass`: it is for no service, and weir leaves it alone. */
export type Outcome =
  | { readonly verdict: "endpoints"; readonly key: string; readonly choices: readonly Choice[] }
  | { readonly verdict: "drop" | "reject"; readonly key: string | null }
  | { readonly verdict: "pass" };
