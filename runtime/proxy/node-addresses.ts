import { networkInterfaces } from "node:os";
import { compareAddresses, type IpAddress, isLoopback, parseAddress } from "../../compiler/net/address.ts";

/** The machine's addresses without loopback and those of a link only, sorted, each once. */
export function nodeAddresses(): readonly IpAddress[] {
  const found = new Map<string, IpAddress>();
  for (const { address } of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) {
    const parsed = parseAddress(address);
    if (parsed.ok && !isLoopback(parsed.value) && !isLinkLocal(parsed.value))
      found.set(parsed.value.text, parsed.value);
  }
  return [...found.values()].sort(compareAddresses);
}

/** fe80::/10, which a socket can bind only with a zone. */
function isLinkLocal({ family, bits }: IpAddress): boolean {
  return family === "ipv6" && bits >> 118n === 0x3fan;
}
