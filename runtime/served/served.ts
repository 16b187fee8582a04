import type { Family, IpAddress } from "../../compiler/net/address.ts";
import type { Port, Protocol } from "../../compiler/net/port.ts";
import { formatSocket } from "../../compiler/net/socket.ts";

/**
 * What a program does for one frontend, in terms that two programs of a backend can be compared in: which endpoints
 * new connections may reach, and through what. Not a simulation: shares and policies are only told to differ.
 */
export interface Served {
  /** `shop/web:http`; null when the program does not say. */
  readonly key: string | null;
  readonly family: Family;
  readonly protocol: Protocol;
  /** null for a node port. */
  readonly address: IpAddress | null;
  readonly port: Port;
  /** Which way packets come to it, by source: `frontends: goto pick-2`. Empty: no packet is led to its endpoints. */
  readonly leads: ReadonlySet<string>;
  /** What is chosen among -> the endpoint that gets the connection, as `10.244.1.5:8080`. Empty: refused or dropped. */
  readonly choices: ReadonlyMap<string, string>;
}

/** Which frontends to look for. Of node ports alone only the places are told, not what is behind them: that is quick. */
export type Wanted = "all" | "node-ports";

/** By `frontendName`. */
export type ServedFrontends = ReadonlyMap<string, Served>;

/** `10.96.0.10:80/tcp`, `[fd00::1]:80/tcp`, `node port 30080/tcp` (with ` on IPv6` for that family's). */
export function frontendName(frontend: Pick<Served, "address" | "family" | "protocol" | "port">): string {
  const { address, family, protocol, port } = frontend;
  if (address !== null) return `${formatSocket(address, port)}/${protocol}`;
  return `node port ${port}/${protocol}${family === "ipv6" ? " on IPv6" : ""}`;
}

/** Collects frontends piece by piece, as listings tell them. */
export class ServedCollector {
  readonly #found = new Map<string, Served & { leads: Set<string>; choices: Map<string, string> }>();

  /** The entry of a frontend, new when there is none; a key that is known is kept. */
  at(frontend: Pick<Served, "key" | "address" | "family" | "protocol" | "port">): {
    readonly leads: Set<string>;
    readonly choices: Map<string, string>;
  } {
    const name = frontendName(frontend);
    const known = this.#found.get(name);
    if (known !== undefined && (known.key !== null || frontend.key === null)) return known;
    const entry = { ...frontend, leads: known?.leads ?? new Set(), choices: known?.choices ?? new Map() };
    this.#found.set(name, entry);
    return entry;
  }

  all(): ServedFrontends {
    return this.#found;
  }
}
