import type { Host } from "./host.ts";

const looks = new WeakSet<Host>();

/** The host for one look at all of it: what several planes read through it, as rules of iptables, is read once. */
export function lookAt(host: Host): Host {
  const look = { ...host };
  looks.add(look);
  return look;
}

/** Reads once for each look; a host by itself is read each time. */
export function oncePerLook<T>(read: (host: Host) => Promise<T>): (host: Host) => Promise<T> {
  const known = new WeakMap<Host, Promise<T>>();
  return (host) => {
    if (!looks.has(host)) return read(host);
    const result = known.get(host) ?? read(host);
    known.set(host, result);
    return result;
  };
}
