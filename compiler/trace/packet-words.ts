import type { Packet } from "../backends/packet.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import { type IpAddress, parseAddress } from "../net/address.ts";
import { type Port, parsePort, protocols } from "../net/port.ts";
import { fail, ok, type Result } from "../result.ts";

/** A packet as people write it on a command line: `tcp 10.244.1.5 10.96.0.10:80`, IPv6 destinations as `[fd00::10]:80`. */
export function parsePacket(
  words: { readonly protocol: string; readonly source: string; readonly destination: string },
  inputInterface: string | null,
): Result<Packet> {
  const protocol = protocols.find((known) => known === words.protocol.toLowerCase());
  if (protocol === undefined) {
    const help = didYouMean(words.protocol, protocols) ?? `protocols are ${protocols.join(", ")}`;
    return fail(`${JSON.stringify(words.protocol)} is not a protocol: ${help}`);
  }
  const source = parseUnicast(words.source, "the source");
  if (!source.ok) return source;
  const destination = parseSocket(words.destination);
  if (!destination.ok) return destination;
  const { address, port } = destination.value;
  if (source.value.family !== address.family) {
    return fail(`the source ${source.value.text} and the destination ${address.text} are of different families`);
  }
  return ok({ protocol, source: source.value, destination: address, port, inputInterface });
}

/** An address and port, `10.96.0.10:80` or `[fd00::10]:80`. */
export function parseSocket(text: string): Result<{ readonly address: IpAddress; readonly port: Port }> {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(text);
  if (match === null) return fail(`${JSON.stringify(text)} ${socketHelp(text)}`);
  const address = parseUnicast(match[1] ?? match[2] ?? "", "the destination");
  if (!address.ok) return address;
  if (address.value.family === "ipv6" && match[1] === undefined) return fail(`${text} ${socketHelp(text)}`);
  const port = parsePort(match[3] ?? "");
  return port.ok ? ok({ address: address.value, port: port.value }) : port;
}

function socketHelp(text: string): string {
  const parts = /^(.*[^:]):([0-9]+)$/.exec(text);
  const address = parts?.[1] === undefined ? null : parseAddress(parts[1]);
  if (parts !== null && address?.ok === true && address.value.family === "ipv6") {
    return `is an IPv6 address without brackets: write [${address.value.text}]:${parts[2]}`;
  }
  const bare = parseAddress(text.replace(/^\[|\]$/g, ""));
  if (!bare.ok) return "is not an address and port: write 10.96.0.10:80, or [fd00::10]:80";
  return `has no port: write ${bare.value.family === "ipv6" ? `[${bare.value.text}]` : bare.value.text}:80`;
}

/** Addresses that can be an end of a connection. */
function parseUnicast(text: string, what: string): Result<IpAddress> {
  const parsed = parseAddress(text);
  if (!parsed.ok) {
    const isName = /^[A-Za-z0-9._-]*[A-Za-z][A-Za-z0-9._-]*$/.test(text);
    return isName ? fail(`${what} ${text} is a name: give its address`) : fail(`${what}: ${parsed.reason}`);
  }
  const { family, bits } = parsed.value;
  if (bits === 0n) return fail(`${what} ${text} is no host's address`);
  const isMulticast = family === "ipv4" ? bits >> 28n === 0xen : bits >> 120n === 0xffn;
  if (isMulticast) return fail(`${what} ${text} is a multicast address: services have none`);
  if (family === "ipv4" && bits === 0xffffffffn) return fail(`${what} ${text} is the broadcast address`);
  return parsed;
}
