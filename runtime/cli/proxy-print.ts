import { formatSocket } from "../../compiler/net/socket.ts";
import { noPort, type Place } from "../proxy/places.ts";

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  EACCES: "permission denied: ports below 1024 are for root",
  EADDRNOTAVAIL: "this machine has no such address",
  [noPort]: "the range of --ports is used up",
  EMFILE: "too many open files",
};

/** `10.96.0.10:80 of shop/web:http (shop.weir:22): the port is in use`. */
export function troubleText({ binding, trouble }: Place, where: string | null): string {
  const { address, ports, protocol, key } = binding;
  const [port] = ports;
  const place = `${port === undefined ? address.text : formatSocket(address, port)}/${protocol}`;
  return `cannot listen on ${place} for ${key}${where === null ? "" : ` (${where})`}: ${reasons[trouble ?? ""] ?? trouble}`;
}

/** What to connect to for which service address, aligned. */
export function mappingLines(places: readonly Place[]): readonly string[] {
  const rows = places.flatMap(({ binding, port }) => {
    const { address, protocol, key, serves, sourceRanges } = binding;
    if (port === null) return [];
    const only =
      sourceRanges === null ? "" : ` for ${sourceRanges.map(({ text }) => text).join(", ") || "nobody"} only`;
    return [
      {
        at: `${formatSocket(address, port)}/${protocol}`,
        what: `${key}${serves === null ? "" : ` at ${serves}`}${only}`,
      },
    ];
  });
  const width = Math.max(0, ...rows.map(({ at }) => at.length));
  return rows.map(({ at, what }) => `${at.padEnd(width)}  ${what}`);
}

/** The same for programs. */
export function jsonMapping(places: readonly Place[]): unknown {
  return {
    listening: places.map(({ binding, port, trouble }) => ({
      service: binding.key,
      protocol: binding.protocol,
      serves: binding.serves,
      address: binding.address.text,
      port,
      trouble,
      sourceRanges: binding.sourceRanges?.map(({ text }) => text) ?? null,
    })),
  };
}
