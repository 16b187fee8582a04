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
 * Ports for listeners, which come in the order of their names. Each wants a port by a hash of its name; whoever comes
 * first gets it, and the others take the next free one. So a new service moves the port of another only where they
 * collide, which a range much larger than their number makes rare. Those for whom a range has no room go on to the
 * next one; null where all are used up.
 * `taken` are ports that are served on the node already, as `portPlace` writes them.
 */
export function allocatePorts(
  requests: readonly PortRequest[],
  ranges: readonly PortRange[],
  taken: ReadonlySet<string>,
): ReadonlyMap<string, Port | null> {
  const ports = new Map<string, Port | null>();
  let waiting = requests;
  for (const range of ranges) {
    const given = allocateFrom(range, waiting, taken);
    for (const [name, port] of given) ports.set(name, port);
    waiting = waiting.filter((request) => given.get(request.name) === null);
  }
  return ports;
}

function allocateFrom(
  range: PortRange,
  requests: readonly PortRequest[],
  taken: ReadonlySet<string>,
): ReadonlyMap<string, Port | null> {
  if (requests.length === 0) return new Map();
  const size = range.last - range.first + 1;
  const rooms = new Map<string, FreePlaces>();
  const roomOf = ({ family, protocol }: PortRequest): FreePlaces => {
    const name = `${family} ${protocol}`;
    const known = rooms.get(name);
    if (known !== undefined) return known;
    const room = new FreePlaces(size);
    const prefix = placePrefix(family, protocol);
    for (const place of taken) {
      const at = place.startsWith(prefix) ? Number(place.slice(prefix.length)) - range.first : -1;
      if (at >= 0 && at < size) room.take(at);
    }
    rooms.set(name, room);
    return room;
  };
  const ports = new Map<string, Port | null>();
  const waiting: PortRequest[] = [];
  // All wishes that can be had are granted before anyone makes do, so that those who make do displace nobody.
  for (const request of requests) {
    const wish = hashText(request.name) % size;
    if (roomOf(request).take(wish)) ports.set(request.name, range.first + wish);
    else waiting.push(request);
  }
  for (const request of waiting) {
    const place = roomOf(request).takeNext(hashText(request.name) % size);
    ports.set(request.name, place === null ? null : range.first + place);
  }
  return ports;
}

/** Places 0 to size-1 in a ring. A taken place points at where to look next, so a nearly full ring stays quick. */
class FreePlaces {
  /** Of taken places; ranges have tens of thousands, of which most specs take a few. */
  readonly #next = new Map<number, number>();
  readonly #size: number;
  #left: number;

  constructor(size: number) {
    this.#size = size;
    this.#left = size;
  }

  /** Takes this very place; false when it is taken. */
  take(place: number): boolean {
    if (this.#left === 0 || this.#next.has(place)) return false;
    this.#next.set(place, (place + 1) % this.#size);
    this.#left--;
    return true;
  }

  /** Takes the first free place from here on, around the ring; null when none is left. */
  takeNext(from: number): number | null {
    if (this.#left === 0) return null;
    let free = from;
    for (let next = this.#next.get(free); next !== undefined; next = this.#next.get(free)) free = next;
    for (let at = from; at !== free; ) {
      const following = this.#next.get(at) ?? free;
      this.#next.set(at, free);
      at = following;
    }
    this.take(free);
    return free;
  }
}

export function portPlace(family: Family, protocol: Protocol, port: Port): string {
  return `${placePrefix(family, protocol)}${port}`;
}

function placePrefix(family: Family, protocol: Protocol): string {
  return `${family} ${protocol} `;
}
