import type { PerFamily } from "../../ir/ir.ts";
import type { Family, IpAddress, Prefix } from "../../net/address.ts";
import type { Port, PortRange, Protocol } from "../../net/port.ts";

/**
 * iptables rules as data, one ruleset for each family. Words are the kernel's and those of iptables-extensions(8).
 * The same types describe the companion rules of other backends.
 */
export type IptablesProgram = PerFamily<IptablesRuleset | null>;

/** Tables in the order in which files list them: filter before nat, so that verdicts are obeyed before any is given. */
export const iptablesTables = ["raw", "mangle", "filter", "nat"] as const;

export type IptablesTableName = (typeof iptablesTables)[number];

/** What weir owns of one family: its tables' chains, and the jumps that lead into them from built-in chains. */
export interface IptablesRuleset {
  readonly family: Family;
  /** In the order of `iptablesTables`; a table without chains is left out. */
  readonly tables: readonly IptablesTable[];
  /** By table, then built-in chain in the order of `builtinChains`; within one, those that are first before the others. */
  readonly jumps: readonly IptablesJump[];
}

export interface IptablesTable {
  readonly name: IptablesTableName;
  /** In the order of their names, each name once. */
  readonly chains: readonly IptablesChain[];
}

export interface IptablesChain {
  readonly name: string;
  readonly rules: readonly IptablesRule[];
}

export const builtinChains = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"] as const;

export type BuiltinChain = (typeof builtinChains)[number];

/** `first`: before all rules of other owners; `last`: after them. */
export interface IptablesJump {
  readonly table: IptablesTableName;
  readonly chain: BuiltinChain;
  readonly target: string;
  readonly position: "first" | "last";
}

/**
 * Matches stand in the order of `iptables-save`: source, destination, input and output interface, protocol,
 * then the extensions, which the kernel keeps in the order given.
 */
export interface IptablesRule {
  readonly matches: readonly IptablesMatch[];
  readonly target: IptablesTarget;
}

export type IptablesProtocol = Protocol | "icmp" | "ipv6-icmp";

export const conntrackStates = ["INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT"] as const;

export type ConntrackState = (typeof conntrackStates)[number];

export const conntrackStatuses = ["EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED"] as const;

export type ConntrackStatus = (typeof conntrackStatuses)[number];

export type AddressType = "UNICAST" | "LOCAL" | "BROADCAST" | "MULTICAST";

/** One of `src`, `dst` for each dimension of the set. */
export type SetDirection = "src" | "dst";

/** The probability in units of 2^-31, as the statistic match keeps it (xt_statistic.h); 1 to 2^31 - 1. */
export type StatisticThreshold = number;

/** A test of the `recent` match. Clients whose addresses agree in the bits of `mask` count as one. */
export interface RecentMatch {
  readonly kind: "recent";
  readonly action: "set" | "rcheck" | "update" | "remove";
  readonly list: string;
  /** Only entries seen within so many seconds count; null is any. Not with `set` or `remove`. */
  readonly seconds: number | null;
  /** Forget older entries when testing; needs `seconds`. */
  readonly reap: boolean;
  readonly mask: IpAddress;
}

/** Properties of the IPVS connection that a packet belongs to; with no property, that it belongs to one. */
export interface IpvsMatch {
  readonly kind: "ipvs";
  readonly negated: boolean;
  readonly protocol: Protocol | null;
  readonly address: IpAddress | null;
  readonly port: Port | null;
  readonly direction: "ORIGINAL" | "REPLY" | null;
  readonly method: "GATE" | "IPIP" | "MASQ" | null;
}

export type IptablesMatch =
  | { readonly kind: "source" | "destination"; readonly prefix: Prefix; readonly negated: boolean }
  /** A name that ends in `+` stands for all interfaces that begin so. */
  | { readonly kind: "input-interface" | "output-interface"; readonly name: string; readonly negated: boolean }
  | { readonly kind: "protocol"; readonly protocol: IptablesProtocol; readonly negated: boolean }
  /** Needs the protocol match with the same protocol. */
  | {
      readonly kind: "source-port" | "destination-port";
      readonly protocol: Protocol;
      readonly ports: PortRange;
      readonly negated: boolean;
    }
  | { readonly kind: "comment"; readonly text: string }
  | { readonly kind: "mark"; readonly value: number; readonly mask: number; readonly negated: boolean }
  /** The mark of the connection, which all its packets share. */
  | { readonly kind: "ct-mark"; readonly value: number; readonly mask: number; readonly negated: boolean }
  | {
      readonly kind: "address-type";
      readonly side: "source" | "destination";
      readonly type: AddressType;
      readonly negated: boolean;
    }
  | { readonly kind: "ct-state"; readonly states: readonly ConntrackState[]; readonly negated: boolean }
  | { readonly kind: "ct-status"; readonly statuses: readonly ConntrackStatus[]; readonly negated: boolean }
  | { readonly kind: "ct-direction"; readonly direction: "ORIGINAL" | "REPLY" }
  /** The destination before any translation. */
  | { readonly kind: "ct-original-destination"; readonly prefix: Prefix; readonly negated: boolean }
  | { readonly kind: "ct-original-port"; readonly port: Port; readonly negated: boolean }
  | { readonly kind: "statistic"; readonly threshold: StatisticThreshold }
  | RecentMatch
  | {
      readonly kind: "set";
      readonly name: string;
      readonly directions: readonly SetDirection[];
      readonly negated: boolean;
    }
  | IpvsMatch;

export type RejectWith = "icmp-port-unreachable" | "icmp6-port-unreachable" | "tcp-reset";

export type IptablesTarget =
  | { readonly kind: "accept" | "drop" | "return" }
  | { readonly kind: "reject"; readonly with: RejectWith }
  | { readonly kind: "dnat"; readonly address: IpAddress; readonly port: Port }
  | { readonly kind: "redirect"; readonly port: Port }
  | { readonly kind: "masquerade"; readonly fullyRandom: boolean }
  /** mark = (mark & ~mask) ^ value */
  | { readonly kind: "mark"; readonly value: number; readonly mask: number }
  | { readonly kind: "ct-mark"; readonly value: number; readonly mask: number }
  /** The mark becomes what the matching element of the set says; without one it stays. Only in the mangle table. */
  | { readonly kind: "map-set"; readonly name: string; readonly directions: readonly SetDirection[] }
  | { readonly kind: "jump"; readonly chain: string }
  /** Like a jump, but the end of that chain returns to the caller of the last jump. */
  | { readonly kind: "goto"; readonly chain: string };

/** A chain name begins with this exactly when the chain is weir's. */
export const chainPrefix = "WEIR-";
