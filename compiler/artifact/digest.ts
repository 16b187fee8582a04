import { createHash } from "node:crypto";
import { compareText } from "../net/order.ts";
import type { EndpointSpec, Spec } from "../spec/schema.ts";

/** `sha256:` and 64 hexadecimal digits. */
export type Digest = string;

/** The digest of bytes that are given in pieces. */
export function digestOf(chunks: readonly Uint8Array[]): Digest {
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}

/**
 * The digest of what a spec means: the same whatever the files are called, and in whatever order, layout or language
 * its declarations stand in them.
 */
export function digestOfSpec(spec: Spec): Digest {
  const hash = createHash("sha256");
  const add = (what: string, texts: readonly string[]): void => {
    for (const text of [...texts].sort(compareText)) hash.update(`${what} ${text}\n`, "utf8");
  };
  add("cluster", [canonical(spec.cluster)]);
  add("node", spec.nodes.map(canonical));
  add("service", spec.services.map(canonical));
  add("expect", spec.expects.map(canonical));
  return `sha256:${hash.digest("hex")}`;
}

/** Where things stand is not what they mean. */
function isPlace(key: string): boolean {
  return key === "origin" || key === "settingOrigins";
}

/** Members by name, lists by the text of their items: no list of a spec has a meaning in its order but `addresses`. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).sort(compareText).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  // addresses and prefixes are values that their text tells wholly
  if ("text" in value) return JSON.stringify(value.text);
  if (isEndpoint(value)) return endpointText(value);
  const members: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    if (isPlace(key) || member === undefined) continue;
    members.push(`${key}:${key === "addresses" ? ordered(member) : canonical(member)}`);
  }
  return `{${members.sort(compareText).join()}}`;
}

function isEndpoint(value: object): value is EndpointSpec {
  return "upperThreshold" in value && "terminating" in value;
}

/**
 * An endpoint, of which there may be hundreds of thousands: written out, because sorting the names of its members
 * would take longer than all other work on it.
 */
function endpointText(endpoint: EndpointSpec): string {
  const { address, node, weight, ready, serving, terminating, hints, ports, upperThreshold, lowerThreshold } = endpoint;
  const flags = (ready ? "r" : "") + (serving ? "s" : "") + (terminating ? "t" : "");
  const rest = hints === null && ports === null ? "" : `${canonical(hints)} ${canonical(ports)}`;
  return `${address.text} ${JSON.stringify(node)} ${weight} ${flags} ${upperThreshold} ${lowerThreshold} ${rest}`;
}

type EndpointMember =
  | "address"
  | "node"
  | "weight"
  | "ready"
  | "serving"
  | "terminating"
  | "hints"
  | "ports"
  | "upperThreshold"
  | "lowerThreshold"
  | "origin";

/** Does not compile when an endpoint has a member that `endpointText` does not know. */
type Missing = Exclude<keyof EndpointSpec, EndpointMember>;
const nothingIsMissing: [Missing] extends [never] ? true : Missing = true;
void nothingIsMissing;

/** A node's first address of each family is its primary one. */
function ordered(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(canonical).join()}]` : canonical(value);
}
