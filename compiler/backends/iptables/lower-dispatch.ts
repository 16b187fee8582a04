import type { IrAddressFrontend, IrFrontend, IrPool, NodeIr } from "../../ir/ir.ts";
import {
  addressFromBits,
  addressWidth,
  type Family,
  hostPrefix,
  type IpAddress,
  type Prefix,
  prefixCovers,
  prefixOf,
} from "../../net/address.ts";
import { type Port, type Protocol, protocols } from "../../net/port.ts";
import { assert } from "../../result.ts";
import { addressBranchName, fixedChains, hairpinBranchName, portBranchName } from "./names.ts";
import type { IptablesChain, IptablesMatch, IptablesRule, IptablesTarget } from "./program.ts";
import { comment, from, goTo, isProtocol, jump, rule, to, toPorts, toThisNode } from "./rules.ts";
import { loopback } from "./skeleton.ts";
import { buildTree, type Leaf, type TreeShape } from "./tree.ts";

/** What the dispatch line of a frontend does. */
export type Entries = ReadonlyMap<IrFrontend, IptablesTarget>;

/** Hexadecimal digits of an address, the index of the protocol, and four digits of the port: IR order is key order. */
function addressKey(address: IpAddress): string {
  return address.bits.toString(16).padStart(addressWidth(address.family) / 4, "0");
}

function portKey(protocol: Protocol, port: number): string {
  return `${protocols.indexOf(protocol)}${port.toString(16).padStart(4, "0")}`;
}

/** The prefix that a key's first digits stand for. */
function prefixOfKey(family: Family, digits: string): Prefix {
  const width = addressWidth(family);
  const bits = BigInt(`0x${digits.padEnd(width / 4, "0")}`);
  return prefixOf(addressFromBits(family, bits), digits.length * 4);
}

/** What the digits after the address test: nothing, a protocol, or a protocol and the ports that begin so. */
function portRangeOfKey(digits: string): {
  readonly protocol: Protocol;
  readonly first: number;
  readonly last: number;
} {
  const protocol = protocols[Number(digits.charAt(0))] ?? "tcp";
  const port = digits.slice(1);
  return {
    protocol,
    first: Math.max(1, Number(`0x0${port.padEnd(4, "0")}`)),
    last: Number(`0x0${port.padEnd(4, "f")}`),
  };
}

function matchPorts(digits: string): readonly IptablesMatch[] {
  if (digits === "") return [];
  const { protocol, first, last } = portRangeOfKey(digits);
  return digits.length === 1 ? [isProtocol(protocol)] : [isProtocol(protocol), toPorts(protocol, first, last)];
}

/** A leaf of the tree of addresses: a frontend, or a VIP that has none. */
type AddressLeaf = { readonly address: IpAddress; readonly frontend: IrAddressFrontend | null };

/** The tree that finds a frontend by address, protocol and port; empty when the family has no addresses to serve. */
export function addressTree(ir: NodeIr, family: Family, entries: Entries): readonly IptablesChain[] {
  const frontends = ir.frontends[family].filter((frontend) => frontend.kind !== "node-port");
  const served = new Set(frontends.map((frontend) => frontend.address.text));
  const leaves: Leaf<AddressLeaf>[] = frontends.map((frontend) => ({
    key: addressKey(frontend.address) + portKey(frontend.protocol, frontend.port),
    value: { address: frontend.address, frontend },
  }));
  for (const address of ir.vips[family]) {
    if (served.has(address.text)) continue;
    leaves.push({ key: `${addressKey(address)}00000`, value: { address, frontend: null } });
  }
  return leaves.length === 0 ? [] : buildTree(leaves, addressShape(ir, family, entries));
}

function addressShape(ir: NodeIr, family: Family, entries: Entries): TreeShape<AddressLeaf> {
  const digits = addressWidth(family) / 4;
  const vips = new Set(ir.vips[family].map((vip) => vip.text));
  const unserved = goTo(fixedChains.unserved);
  return {
    root: fixedChains.addresses,
    stops: [digits],
    name: (prefix) => {
      const where = prefixOfKey(family, prefix.slice(0, digits));
      if (prefix.length <= digits) return addressBranchName(family, where.text);
      const { protocol, first, last } = portRangeOfKey(prefix.slice(digits));
      return portBranchName(where.address.text, protocol, first, last);
    },
    branch: (prefix, known, _leaves, chain) => {
      const matches = known.length < digits ? to(prefixOfKey(family, prefix)) : matchPorts(prefix.slice(digits));
      return [rule(matches, goTo(chain))];
    },
    leaf: ({ value: { address, frontend } }, known) => {
      if (frontend === null) return [];
      const where = known.length < digits ? to(hostPrefix(address)) : [];
      return [rule([...where, ...matchFrontend(frontend)], targetOf(frontend, entries))];
    },
    tail: (known, leaves) => {
      if (known.length < digits) {
        const addresses = new Map(leaves.map(({ value: { address } }) => [address.text, address]));
        const own = [...addresses.values()].filter((address) => vips.has(address.text));
        return own.map((address) => rule(to(hostPrefix(address)), unserved));
      }
      return vips.has(prefixOfKey(family, known.slice(0, digits)).address.text) ? [rule([], unserved)] : [];
    },
  };
}

/** The tree that finds a node port by protocol and port; empty when the family has none. */
export function nodePortTree(ir: NodeIr, family: Family, entries: Entries): readonly IptablesChain[] {
  const leaves = ir.frontends[family]
    .filter((frontend) => frontend.kind === "node-port")
    .map((frontend) => ({ ...frontend, target: targetOf(frontend, entries) }));
  return portTree(fixedChains.nodePorts, "node-port", leaves);
}

/** One port of this node, and what happens to packets for it. */
export interface PortLeaf {
  readonly protocol: Protocol;
  readonly port: Port;
  readonly key: string;
  readonly target: IptablesTarget;
}

/** A tree that finds ports of this node, whatever the address; `where` tells its branches from those of other trees. */
export function portTree(root: string, where: string, ports: readonly PortLeaf[]): readonly IptablesChain[] {
  if (ports.length === 0) return [];
  const leaves = ports.map((value) => ({ key: portKey(value.protocol, value.port), value }));
  return buildTree(leaves, {
    root,
    stops: [],
    name: (prefix) => {
      const { protocol, first, last } = portRangeOfKey(prefix);
      return portBranchName(where, protocol, first, last);
    },
    branch: (prefix, _known, _leaves, chain) => [rule(matchPorts(prefix), goTo(chain))],
    leaf: ({ value }) => [rule(matchFrontend(value), value.target)],
    tail: () => [],
  });
}

function matchFrontend({ protocol, port, key }: Omit<PortLeaf, "target">): readonly IptablesMatch[] {
  return [isProtocol(protocol), toPorts(protocol, port, port), comment(key)];
}

function targetOf(frontend: IrFrontend, entries: Entries): IptablesTarget {
  const target = entries.get(frontend);
  assert(target !== undefined, `frontend ${frontend.key} was not lowered`);
  return target;
}

/**
 * Where new connections begin: addresses first, then node ports, then what is left of the service ranges.
 * A packet that nothing wants comes back from each jump and leaves as it came. `chains` are those that exist,
 * `others` rules of a backend's own, before the service ranges.
 */
export function servicesChain(
  ir: NodeIr,
  family: Family,
  chains: readonly IptablesChain[],
  others: readonly IptablesRule[] = [],
): IptablesChain {
  const names = new Set(chains.map((chain) => chain.name));
  const rules: IptablesRule[] = [];
  if (names.has(fixedChains.addresses)) rules.push(rule([], jump(fixedChains.addresses)));
  if (names.has(fixedChains.nodePorts)) rules.push(...nodePortRules(ir, family));
  rules.push(...others);
  for (const range of ir.serviceRanges[family]) rules.push(rule(to(range), goTo(fixedChains.unallocated)));
  return { name: fixedChains.services, rules };
}

/** Node ports are served on local addresses that are selected and no loopback. */
function nodePortRules(ir: NodeIr, family: Family): readonly IptablesRule[] {
  const selection = ir.nodePortAddresses[family];
  const own = loopback[family];
  const notLoopback: IptablesMatch = { kind: "destination", prefix: own, negated: true };
  const target = jump(fixedChains.nodePorts);
  if (selection.kind === "any") return [rule([notLoopback, toThisNode], target)];
  const useful = selection.prefixes.filter((prefix) => !prefixCovers(own, prefix));
  return useful.map((prefix) => {
    if (!prefixCovers(prefix, own)) return rule([...to(prefix), toThisNode], target);
    if (prefix.length === 0) return rule([notLoopback, toThisNode], target);
    // A rule can test a destination once, but what conntrack saw first is the same before translation.
    return rule([...to(prefix), toThisNode, { kind: "ct-original-destination", prefix: own, negated: true }], target);
  });
}

/** The tree of endpoints that may reach themselves, by source address; one rule for each address. */
export function hairpinTree(ir: NodeIr, family: Family): readonly IptablesChain[] {
  const addresses = new Map<string, IpAddress>();
  const seen = new Set<IrPool>();
  for (const { pool } of ir.frontends[family].flatMap((frontend) => frontend.routes)) {
    if (seen.has(pool)) continue;
    seen.add(pool);
    for (const { address, mayHairpin } of pool.endpoints) if (mayHairpin) addresses.set(address.text, address);
  }
  const leaves = [...addresses.values()].map((address) => ({ key: addressKey(address), value: address }));
  const masquerade: IptablesTarget = { kind: "masquerade", fullyRandom: true };
  return leaves.length === 0
    ? []
    : buildTree(leaves, {
        root: fixedChains.hairpin,
        stops: [],
        name: (prefix) => hairpinBranchName(family, prefixOfKey(family, prefix).text),
        branch: (prefix, _known, _leaves, chain) => [rule(from(prefixOfKey(family, prefix)), goTo(chain))],
        leaf: ({ value }) => [rule([...from(hostPrefix(value)), ...to(hostPrefix(value))], masquerade)],
        tail: () => [],
      });
}
