import type { Family } from "../../net/address.ts";
import type { Port, PortRange, Protocol } from "../../net/port.ts";
import { hashText } from "../hash.ts";

/** A listener in need of a port. Ports of different families and protocols do not meet. */
export interface PortRequest {
  readonly name: string;
  readonly family: Family;
  readonly protocol: Protocol;
}

/**
 * Ports for listeners, which come in the order of their names. Each wants a port by a hash of its name; whoever comes first gets it, and the others
 * take the next free one. So a new service moves the port of another only where they collide, which
 * a range much larger than their number makes rare. null where the range is used up. `taken` are ports that are served
 * on the node already, as `family protocol port`.
 */
export function allocatePorts(
  requests: readonly PortRequest[],
  range: PortRange,
  taken: ReadonlySet<string>,
): ReadonlyMap<string, Port | null> {
  const size = range.last - range.first + 1;
  const used = new Set(taken);
  const ports = new Map<string, Port | null>();
  const waiting: PortRequest[] = [];
  const take = ({ name, family, protocol }: PortRequest, port: Port): boolean => {
    const place = portPlace(family, protocol, port);
    if (used.has(place)) return false;
    used.add(place);
    ports.set(name, port);
    return true;
  };
  const wish = ({ name }: PortRequest) => hashText(name) % size;
  // All wishes that can be had are granted before anyone makes do, so that those who make do displace nobody.
  for (const request of requests) {
    if (!take(request, range.first + wish(request))) waiting.push(request);
  }
  for (const request of waiting) {
    let step = 1;
    while (step < size && !take(request, range.first + ((wish(request) + step) % size))) step++;
    if (step === size) ports.set(request.name, null);
  }
  return ports;
}

export function portPlace(family: Family, protocol: Protocol, port: Port): string {
  return `${family} ${protocol} ${port}`;
}
