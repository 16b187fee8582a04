import type { IrDetector } from "../../ir/ir.ts";
import type { IpAddress, Prefix } from "../../net/address.ts";
import { type Port, type Protocol, protocols } from "../../net/port.ts";
import { unreachable } from "../../result.ts";
import type { IptablesMatch, IptablesRule, IptablesTarget } from "./program.ts";

/** Parts of rules that lowerings share. One object stands for the same part in all rules: there are 200,000 of them. */

export function rule(matches: readonly IptablesMatch[], target: IptablesTarget): IptablesRule {
  return { matches, target };
}

const protocolMatches: Readonly<Record<Protocol, IptablesMatch>> = {
  tcp: { kind: "protocol", protocol: "tcp", negated: false },
  udp: { kind: "protocol", protocol: "udp", negated: false },
  sctp: { kind: "protocol", protocol: "sctp", negated: false },
};

export function isProtocol(protocol: Protocol): IptablesMatch {
  return protocolMatches[protocol];
}

/** ICMP and the rest are none of weir's business, and a rule can name only one protocol. */
export function forEachProtocol(target: IptablesTarget): readonly IptablesRule[] {
  return protocols.map((protocol) => rule([isProtocol(protocol)], target));
}

export function toPorts(protocol: Protocol, first: Port, last: Port): IptablesMatch {
  return { kind: "destination-port", protocol, ports: { first, last }, negated: false };
}

/** No match at all for a prefix of length 0, which the kernel's listing leaves out. */
export function from(prefix: Prefix): readonly IptablesMatch[] {
  return prefix.length === 0 ? [] : [{ kind: "source", prefix, negated: false }];
}

export function to(prefix: Prefix): readonly IptablesMatch[] {
  return prefix.length === 0 ? [] : [{ kind: "destination", prefix, negated: false }];
}

export const fromThisNode: IptablesMatch = { kind: "address-type", side: "source", type: "LOCAL", negated: false };
export const toThisNode: IptablesMatch = { kind: "address-type", side: "destination", type: "LOCAL", negated: false };

export function comment(text: string): IptablesMatch {
  return { kind: "comment", text };
}

export function hasMark(bit: number): IptablesMatch {
  return { kind: "mark", value: bit, mask: bit, negated: false };
}

export function setMark(bit: number): IptablesTarget {
  return { kind: "mark", value: bit, mask: bit };
}

export function clearMark(bit: number): IptablesTarget {
  return { kind: "mark", value: 0, mask: bit };
}

export function jump(chain: string): IptablesTarget {
  return { kind: "jump", chain };
}

export function goTo(chain: string): IptablesTarget {
  return { kind: "goto", chain };
}

export function dnat(address: IpAddress, port: Port): IptablesTarget {
  return { kind: "dnat", address, port };
}

/** The tests that tell a packet of a pod, any of which suffices; none where the node cannot tell. */
export function fromPods(detector: IrDetector): readonly (readonly IptablesMatch[])[] {
  switch (detector.kind) {
    case "prefixes":
      return detector.prefixes.map(from);
    case "interface":
      return [[{ kind: "input-interface", name: detector.name, negated: false }]];
    case "interface-prefix":
      return [[{ kind: "input-interface", name: `${detector.prefix}+`, negated: false }]];
    case "none":
      return [];
    default:
      return unreachable(detector);
  }
}
