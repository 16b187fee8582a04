import type { Packet } from "../../compiler/backends/packet.ts";
import { type IpAddress, parseAddress } from "../../compiler/net/address.ts";
import type { Port } from "../../compiler/net/port.ts";
import type { Seen } from "./protocol.ts";

/** One endpoint that new connections may reach. `share` is of all new connections, from 0 to 1; null where nothing is promised. */
export interface ExpectedEndpoint {
  readonly address: IpAddress;
  readonly port: Port;
  readonly share: number | null;
  /** Connections to it come from an address of the node instead of the client's. */
  readonly masquerade: boolean;
}

export type Expectation =
  | { readonly verdict: "endpoints"; readonly endpoints: readonly ExpectedEndpoint[] }
  | { readonly verdict: "reject" | "drop" | "pass" };

/** A row of a packet table. */
export interface LabRow {
  /** What a failure is named by: the row as it was written. */
  readonly label: string;
  readonly packet: Packet;
  readonly expect: Expectation;
}

function sameAddress(text: string, address: IpAddress): boolean {
  const parsed = parseAddress(text);
  return parsed.ok && parsed.value.text === address.text;
}

/** `answered by 10.244.1.5:8080, which saw 192.0.2.11`, or what else happened. */
export function describeSeen(seen: Seen): string {
  switch (seen.kind) {
    case "answered":
      return `answered by ${socketText(seen.by.localAddress, seen.by.localPort)}, which saw ${seen.by.remoteAddress}`;
    case "error":
      return `failed with ${seen.code}`;
    default:
      return seen.kind;
  }
}

export function socketText(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The endpoint that answered, if it is one of the expected. */
export function reachedEndpoint(expect: Expectation, seen: Seen): ExpectedEndpoint | null {
  if (expect.verdict !== "endpoints" || seen.kind !== "answered") return null;
  const { localAddress, localPort } = seen.by;
  return expect.endpoints.find((each) => each.port === localPort && sameAddress(localAddress, each.address)) ?? null;
}

function complaintAboutSource(
  row: LabRow,
  masqueraded: boolean,
  seenBy: string,
  nodeAddresses: readonly IpAddress[],
): string | null {
  const fromNode = nodeAddresses.some((address) => sameAddress(seenBy, address));
  const unchanged = sameAddress(seenBy, row.packet.source);
  if (masqueraded && !fromNode) return `the endpoint saw ${seenBy}, expected an address of the node`;
  if (!masqueraded && !unchanged) return `the endpoint saw ${seenBy}, expected ${row.packet.source.text}`;
  return null;
}

/** What is wrong with the outcome of one attempt, as a phrase; null when it is as the row says. */
export function complaintAbout(row: LabRow, seen: Seen, nodeAddresses: readonly IpAddress[]): string | null {
  const { expect, packet } = row;
  switch (expect.verdict) {
    case "reject":
      return seen.kind === "refused" ? null : `${describeSeen(seen)}, expected a refusal`;
    case "drop":
      return seen.kind === "silent" ? null : `${describeSeen(seen)}, expected no answer at all`;
    case "pass": {
      const untouched =
        seen.kind === "answered" &&
        seen.by.localPort === packet.port &&
        sameAddress(seen.by.localAddress, packet.destination);
      if (!untouched || seen.kind !== "answered") return `${describeSeen(seen)}, expected the packet to be left alone`;
      return complaintAboutSource(row, false, seen.by.remoteAddress, nodeAddresses);
    }
    case "endpoints": {
      const endpoint = reachedEndpoint(expect, seen);
      if (endpoint === null || seen.kind !== "answered") {
        const wanted = expect.endpoints.map((each) => socketText(each.address.text, each.port)).join(" or ");
        return `${describeSeen(seen)}, expected ${wanted}`;
      }
      return complaintAboutSource(row, endpoint.masquerade, seen.by.remoteAddress, nodeAddresses);
    }
  }
}

/** Beyond this many attempts a row is not asked to show every one of its endpoints. */
const mostAttempts = 400;

/**
 * After how many independent connections every endpoint must have been seen: the chance of missing one
 * is below one in 10^9. A single attempt where there is nothing to choose or nothing is promised.
 */
export function attemptsToSeeAll(expect: Expectation): number {
  if (expect.verdict !== "endpoints" || expect.endpoints.length < 2) return 1;
  const shares = expect.endpoints.map((endpoint) => endpoint.share);
  const known = shares.filter((share) => share !== null && share > 0);
  if (known.length < shares.length) return 4;
  const smallest = Math.min(...known.map(Number));
  const needed = smallest >= 1 ? 1 : Math.ceil(Math.log(1e-9 / known.length) / Math.log(1 - smallest));
  return needed > mostAttempts ? 4 : needed;
}
