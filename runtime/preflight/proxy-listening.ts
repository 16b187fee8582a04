import type { ProxyListener } from "../../compiler/backends/userspace/program.ts";
import type { Host } from "../host/host.ts";
import { probeListeners } from "./listeners.ts";

const wildcards: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/**
 * The listeners of a table at which nobody listens on this node: rules lead connections there, and the kernel refuses them.
 * One without an address counts as heard when anything has its port.
 */
export async function silentListeners(
  host: Host,
  listeners: readonly ProxyListener[],
): Promise<readonly ProxyListener[]> {
  const heard = new Set<string>();
  for (const { family, protocol, address, port } of await probeListeners(host)) {
    heard.add(`${family} ${protocol} ${address} ${port}`);
    heard.add(`${family} ${protocol} any ${port}`);
    if (wildcards.has(address)) heard.add(`${family} ${protocol} all ${port}`);
  }
  return listeners.filter(({ family, protocol, address, port }) => {
    const place = (at: string) => `${family} ${protocol} ${at} ${port}`;
    return address === null ? !heard.has(place("any")) : !heard.has(place(address.text)) && !heard.has(place("all"));
  });
}

/** What it means for traffic; null when all are heard. */
export function silentText(silent: readonly ProxyListener[], all: number): string | null {
  const keys = [...new Set(silent.map(({ key }) => key))];
  const [first] = keys;
  if (first === undefined) return null;
  const more = keys.length === 1 ? "" : ` and ${keys.length - 1} more`;
  return `no proxy listens on ${silent.length} of ${all} ports: connections to ${first}${more} are refused until \`weir proxy\` runs`;
}
