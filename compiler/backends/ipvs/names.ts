import type { IrFrontend, IrMarks, IrPool } from "../../ir/ir.ts";
import { hashNumber, nameLimits } from "../../ir/names.ts";
import type { Family } from "../../net/address.ts";
import { compareText } from "../../net/order.ts";
import { assert } from "../../result.ts";

export const chains = {
  in: "WEIR-IPVS-IN",
  out: "WEIR-IPVS-OUT",
  dispatch: "WEIR-IPVS-DISPATCH",
  address: "WEIR-IPVS-ADDRESS",
  addressPod: "WEIR-IPVS-ADDRESS-POD",
  addressNode: "WEIR-IPVS-ADDRESS-NODE",
  nodePort: "WEIR-IPVS-NODEPORT",
  nodePortPod: "WEIR-IPVS-NODEPORT-POD",
  nodePortNode: "WEIR-IPVS-NODEPORT-NODE",
  act: "WEIR-IPVS-ACT",
  unserved: "WEIR-IPVS-UNSERVED",
  refuse: "WEIR-IPVS-REFUSE",
  clear: "WEIR-IPVS-CLEAR",
  reject: "WEIR-IPVS-REJECT",
  masquerade: "WEIR-IPVS-MASQUERADE",
} as const;

const setSuffixes = {
  frontends: "frontends",
  frontendsPod: "frontends-pod",
  frontendsNode: "frontends-node",
  nodePorts: "node-ports",
  nodePortsPod: "node-ports-pod",
  nodePortsNode: "node-ports-node",
  ranged: "ranged",
  allowed: "allowed",
  nodePortsRanged: "node-ports-ranged",
  nodePortsAllowed: "node-ports-allowed",
  addresses: "addresses",
  vips: "vips",
  ranges: "ranges",
  pods: "pods",
  hairpin: "hairpin",
} as const;

export type SetName = keyof typeof setSuffixes;

/** `weir-frontends`, `weir6-frontends`: sets of both families share one name space in the kernel. */
export function setName(family: Family, name: SetName): string {
  const text = `${family === "ipv4" ? "weir" : "weir6"}-${setSuffixes[name]}`;
  assert(text.length <= nameLimits.ipset, `${text} is too long for a set`);
  return text;
}

/** The names of all sets that a family can have. */
export function setNames(family: Family): readonly string[] {
  return Object.values(setSuffixes).map((suffix) => `${family === "ipv4" ? "weir" : "weir6"}-${suffix}`);
}

/** Number of the routing table that delivers services' packets; any number that nothing else uses would do. */
export const routingTable = 30569;

/** Of the rule that leads to it: after the table `local` and before those of most other programs. */
export const routingPriority = 1000;

/** Kernel settings that a program may ask for, by what it is for. */
export const sysctlNames = {
  conntrack: "net.ipv4.vs.conntrack",
  expireNoServer: "net.ipv4.vs.expire_nodest_conn",
  expireDrained: "net.ipv4.vs.expire_quiescent_template",
  forwardIpv4: "net.ipv4.ip_forward",
  forwardIpv6: "net.ipv6.conf.all.forwarding",
  arpIgnore: "net.ipv4.conf.all.arp_ignore",
  arpAnnounce: "net.ipv4.conf.all.arp_announce",
} as const;

export type SysctlName = (typeof sysctlNames)[keyof typeof sysctlNames];

/** The value that a program gives them. */
export const sysctlValues: Readonly<Record<SysctlName, string>> = {
  "net.ipv4.vs.conntrack": "1",
  "net.ipv4.vs.expire_nodest_conn": "1",
  "net.ipv4.vs.expire_quiescent_template": "1",
  "net.ipv4.ip_forward": "1",
  "net.ipv6.conf.all.forwarding": "1",
  "net.ipv4.conf.all.arp_ignore": "1",
  "net.ipv4.conf.all.arp_announce": "2",
};

/** Bits of the packet mark. None of the first three is set in the mark of a virtual server. */
export interface MarkLayout {
  readonly masquerade: number;
  readonly drop: number;
  readonly reject: number;
  /** Deliver to this node although the address is not the node's. */
  readonly deliver: number;
  /** The mark names something, in all its bits: a virtual server, or with `reject` a refusal. */
  readonly byMark: number;
  /** All of the above. */
  readonly own: number;
  /** Mark of packets to be refused, in all 32 bits. */
  readonly refused: number;
}

/**
 * The two highest bits below 31 that the cluster's marks leave free. Bit 31 stays out of it because ipvsadm lists
 * marks as signed numbers, and what it lists must be what it reads.
 */
export function markLayout(marks: IrMarks): MarkLayout {
  const { masquerade, drop, reject } = marks;
  const taken = masquerade | drop | reject;
  const free = Array.from({ length: 31 }, (_, bit) => 2 ** (30 - bit)).filter((value) => (taken & value) === 0);
  const [deliver, byMark] = free;
  assert(deliver !== undefined && byMark !== undefined, "three mark bits leave others free");
  const own = unsigned(taken | deliver | byMark);
  return { masquerade, drop, reject, deliver, byMark, own, refused: unsigned(byMark | reject) };
}

/** JavaScript's bit operators make signed numbers; marks are unsigned. */
export function unsigned(value: number): number {
  return value >>> 0;
}

/** A mark as the kernel's tools write it. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/**
 * Identity of a virtual server by mark: the place of its frontend and which of its pools. A frontend has at most one
 * pool of each scope; should it have more, `ordinal` tells them apart.
 */
export function markIdentity(frontend: IrFrontend, pool: IrPool, ordinal: number): string {
  const where = frontend.address === null ? frontend.family : frontend.address.text;
  const scope = ordinal === 0 ? pool.scope : `${pool.scope} ${ordinal}`;
  return `${where} ${frontend.protocol} ${frontend.port} ${scope}`;
}

/**
 * A mark for each identity: a hash of it spread over the bits that the layout leaves free, so that it depends on nothing
 * else. Of two identities with the same hash the later one by name takes the next free mark; below some thousands of
 * virtual servers by mark that hardly ever happens, and it moves no mark but its own.
 */
export function allocateMarks(identities: readonly string[], layout: MarkLayout): ReadonlyMap<string, number> {
  const bits = Array.from({ length: 31 }, (_, bit) => 2 ** bit).filter((value) => (layout.own & value) === 0);
  const room = 2 ** bits.length;
  const used = new Set<number>();
  const marks = new Map<string, number>();
  for (const identity of [...identities].sort(compareText)) {
    assert(!marks.has(identity), `two virtual servers are called ${identity}`);
    let slot = hashNumber(identity) % room;
    while (used.has(slot)) slot = (slot + 1) % room;
    used.add(slot);
    marks.set(identity, spread(slot, bits) + layout.deliver + layout.byMark);
  }
  return marks;
}

/** The bits of `slot`, lowest first, put at the places that `bits` lists. */
function spread(slot: number, bits: readonly number[]): number {
  return bits.reduce((sum, place, at) => (slot & (1 << at) ? sum + place : sum), 0);
}
