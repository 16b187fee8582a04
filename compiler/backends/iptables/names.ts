import type { IrEndpoint, IrFrontend } from "../../ir/ir.ts";
import { nameLimits, objectName } from "../../ir/names.ts";
import type { Family } from "../../net/address.ts";
import type { Protocol } from "../../net/port.ts";

/**
 * Chains that do not depend on services. They are in capitals, and all others in small letters after the `WEIR-`
 * and a word, so that no name of a service can meet them.
 */
export const fixedChains = {
  /** nat, from PREROUTING and OUTPUT: what becomes of a new connection. */
  services: "WEIR-SERVICES",
  /** nat, from POSTROUTING. */
  postrouting: "WEIR-POSTROUTING",
  /** filter, from INPUT, FORWARD and OUTPUT: acts on the verdicts that nat may only mark. */
  verdicts: "WEIR-VERDICTS",
  /** Root of the tree of addresses. */
  addresses: "WEIR-ADDRESSES",
  /** Root of the tree of node ports. */
  nodePorts: "WEIR-NODE-PORTS",
  /** Ports of a cluster VIP that no service has. */
  unserved: "WEIR-UNSERVED",
  /** Addresses of a service range that no service has. */
  unallocated: "WEIR-UNALLOCATED",
  drop: "WEIR-DROP",
  reject: "WEIR-REJECT",
  masquerade: "WEIR-MASQUERADE",
  hairpin: "WEIR-HAIRPIN",
} as const;

export function verdictChain(verdict: "reject" | "drop"): string {
  return verdict === "reject" ? fixedChains.reject : fixedChains.drop;
}

const chain = (prefix: string, identity: string) => objectName(prefix, identity, nameLimits.iptablesChain);

/** `WEIR-DST-10.96.16.0/20`: a branch of the tree of addresses. IPv6 prefixes do not fit and are hashed. */
export function addressBranchName(family: Family, prefix: string): string {
  return family === "ipv4" ? `WEIR-DST-${prefix}` : chain("WEIR-DST", prefix);
}

/** A branch of the tree of ports, below one address or for node ports; `where` is `10.96.0.10` or `node-port`. */
export function portBranchName(where: string, protocol: Protocol, first: number, last: number): string {
  return chain("WEIR-DPT", `${where} ${protocol} ${first} ${last}`);
}

/** `WEIR-SRC-10.244.1.0/24`: a branch of the tree of endpoints that may reach themselves. */
export function hairpinBranchName(family: Family, prefix: string): string {
  return family === "ipv4" ? `WEIR-SRC-${prefix}` : chain("WEIR-SRC", prefix);
}

/** `WEIR-MARK-node-outside`: marks packets of these sources for masquerade. */
export function markChainName(sources: readonly string[]): string {
  return `WEIR-MARK-${sources.join("-")}`;
}

/** What a frontend is, apart from what it does: kind, family, address, protocol, port, behind its service port. */
export function frontendIdentity(frontend: IrFrontend): string {
  const address = frontend.address === null ? frontend.family : frontend.address.text;
  return `${frontend.key} ${frontend.kind} ${address} ${frontend.protocol} ${frontend.port}`;
}

/** The chain that decides by source for one frontend, or for all inside or outside the cluster that behave alike. */
export function policyChainName(side: "inside" | "outside", identity: string): string {
  return chain(side === "inside" ? "WEIR-SVC" : "WEIR-EXT", identity);
}

/** The chain that admits only the source ranges of a frontend. */
export function allowChainName(identity: string): string {
  return chain("WEIR-FW", identity);
}

/** The chain that chooses an endpoint of a pool. */
export function poolChainName(identity: string): string {
  return chain("WEIR-EP", identity);
}

/** The list of clients that stay with an endpoint, as it is seen in /proc/net/xt_recent; at most 199 characters. */
export function affinityListName(identity: string, endpoint: IrEndpoint): string {
  return objectName("weir", `${identity} ${endpoint.address.text} ${endpoint.port}`, 120);
}
