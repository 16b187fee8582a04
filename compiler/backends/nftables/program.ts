import type { IpAddress, Prefix } from "../../net/address.ts";
import type { Protocol } from "../../net/port.ts";

/** The tables of one node: `ip weir` for IPv4, `ip6 weir` for IPv6, each only when it has something to do. */
export interface NftProgram {
  readonly tables: readonly NftTable[];
}

export type NftFamily = "ip" | "ip6";

/** Sets and chains are in the order of order.ts, each name once. */
export interface NftTable {
  readonly family: NftFamily;
  readonly name: string;
  readonly sets: readonly AnyNftSet[];
  readonly chains: readonly NftChain[];
}

/**
 * Types of key and data parts. `integer` is a plain 32-bit number (results of numgen and jhash), which nft cannot name
 * in a `type`, so a set with one is printed with `typeof`.
 */
export type NftDatatype = "ipv4_addr" | "ipv6_addr" | "inet_proto" | "inet_service" | "classid" | "integer";

/** Numbers from `first` to `last`, both included. */
export interface NftRange {
  readonly first: number;
  readonly last: number;
}

/** One part of a key or of data; what a number means is told by the set's type: port, class id or integer. */
export type NftAtom = IpAddress | Prefix | NftRange | Protocol | number;

interface NftSetBase {
  readonly name: string;
  readonly key: readonly NftDatatype[];
  readonly interval: boolean;
}

export interface NftSetElement {
  readonly key: readonly NftAtom[];
  readonly comment: string | null;
}

export interface NftMapElement {
  readonly key: readonly NftAtom[];
  readonly data: readonly NftAtom[];
}

export interface NftVerdictElement {
  readonly key: readonly NftAtom[];
  readonly verdict: NftVerdict;
  readonly comment: string | null;
}

/** Elements are in the order of order.ts, each key once. */
export interface NftSet extends NftSetBase {
  readonly kind: "set";
  readonly elements: readonly NftSetElement[];
}

export interface NftMap extends NftSetBase {
  readonly kind: "map";
  readonly data: readonly NftDatatype[];
  readonly elements: readonly NftMapElement[];
}

export interface NftVerdictMap extends NftSetBase {
  readonly kind: "verdict-map";
  readonly elements: readonly NftVerdictElement[];
}

/** A map that only packets fill; its elements are state of the kernel and no part of a program. */
export interface NftDynamicMap extends NftSetBase {
  readonly kind: "dynamic-map";
  readonly data: readonly NftDatatype[];
  /** The most elements it holds; beyond it updates fail and the packet goes on. */
  readonly size: number;
}

export type AnyNftSet = NftSet | NftMap | NftVerdictMap | NftDynamicMap;

/** Chains of type nat see only the first packet of a connection. */
export interface NftBaseChain {
  readonly kind: "base";
  readonly name: string;
  readonly hook: "prerouting" | "output" | "postrouting";
  readonly priority: number;
  readonly rules: readonly NftRule[];
}

export interface NftRegularChain {
  readonly kind: "regular";
  readonly name: string;
  readonly rules: readonly NftRule[];
}

export type NftChain = NftBaseChain | NftRegularChain;

/** Evaluated from left to right until one does not match, or ends the evaluation. Never empty. */
export type NftRule = readonly NftStatement[];

export type NftVerdict =
  | { readonly kind: "drop" }
  | { readonly kind: "return" }
  | { readonly kind: "jump"; readonly chain: string }
  | { readonly kind: "goto"; readonly chain: string };

export type NftStatement =
  | { readonly kind: "match"; readonly left: NftExpression; readonly negated: boolean; readonly right: NftOperand }
  | { readonly kind: "assign"; readonly field: "mark" | "priority"; readonly value: NftExpression }
  /** Looks the key up in a verdict map; goes on when it has none. */
  | { readonly kind: "dispatch"; readonly key: NftExpression; readonly map: string }
  /** `update` adds the element or renews its time, and keeps the data it has; `delete` removes it. */
  | {
      readonly kind: "update" | "delete";
      readonly map: string;
      readonly key: NftExpression;
      readonly timeoutSeconds: number;
      readonly data: NftExpression;
    }
  /** Translates the destination to an address and port; ends the evaluation unless the lookup fails. */
  | { readonly kind: "dnat"; readonly to: NftExpression }
  | { readonly kind: "masquerade" }
  /** ICMP port-unreachable to the source. */
  | { readonly kind: "reject" }
  | { readonly kind: "verdict"; readonly verdict: NftVerdict };

export type NftField =
  | "saddr"
  | "daddr"
  | "l4proto"
  | "dport"
  | "mark"
  | "priority"
  | "iifname"
  | "saddr-type"
  | "daddr-type"
  | "ct-status";

export type NftExpression =
  | { readonly kind: "field"; readonly field: NftField }
  /** The field with some bits kept, set or flipped; the value is an address for address fields. */
  | {
      readonly kind: "bits";
      readonly field: NftField;
      readonly operator: "&" | "|" | "^";
      readonly value: number | IpAddress;
    }
  | { readonly kind: "concat"; readonly parts: readonly NftExpression[] }
  /** The class id 0, which packets have by default. */
  | { readonly kind: "no-class" }
  /** Uniform in `offset` to `offset + modulus - 1`. */
  | { readonly kind: "random"; readonly modulus: number; readonly offset: number }
  | { readonly kind: "hash"; readonly of: NftExpression; readonly modulus: number; readonly seed: number }
  /** The data of a map; the rule ends without a match when it has no such key. */
  | { readonly kind: "lookup"; readonly key: NftExpression; readonly map: string };

export type NftOperand =
  | { readonly kind: "set"; readonly name: string }
  | { readonly kind: "protocols"; readonly protocols: readonly Protocol[] }
  | { readonly kind: "prefix"; readonly prefix: Prefix }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "class-range"; readonly first: number; readonly last: number }
  /** An interface by name, or all whose names begin so. */
  | { readonly kind: "interface"; readonly name: string; readonly isPrefix: boolean }
  /** An address type of the fib. */
  | { readonly kind: "local" }
  /** Connection status: its destination was translated. */
  | { readonly kind: "dnat" };
