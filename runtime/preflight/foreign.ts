import type { Family } from "../../compiler/net/address.ts";
import type { Protocol } from "../../compiler/net/port.ts";

/** What rules of others do that weir's rules could meet: read from listings, weir's own objects left out. */
export interface ForeignUse {
  readonly marks: readonly MarkUse[];
  readonly classes: readonly ClassUse[];
  /** Destinations that others translate, by port: published ports of containers, for one. */
  readonly translated: readonly TranslatedPort[];
  /** Hooks where a packet that no rule accepts is dropped. */
  readonly closedForward: readonly string[];
  readonly chains: readonly string[];
  /** Names of nftables tables, without the family. */
  readonly tables: readonly string[];
  readonly routing: readonly RoutingUse[];
  /** Listings that could not be read, each with its reason. */
  readonly unseen: readonly string[];
}

/**
 * A rule that sets the mark of packets or connections, or asks for it. `ones` are the bits that it sets, or wants set;
 * `zeros` those that it clears, or wants clear. All other bits are nothing to it.
 */
export interface MarkUse {
  readonly field: "packet" | "connection";
  readonly action: "set" | "match";
  readonly ones: number;
  readonly zeros: number;
  /** `chain FORWARD of table mangle (ipv4)`, `ip rule 1000 (ipv4)` */
  readonly place: string;
  readonly hook: MarkHook;
  /** Of kubelet or kube-proxy, whose masquerade and drop bits mean the same as weir's. */
  readonly isKubernetes: boolean;
  /** The rule as it is listed. */
  readonly text: string;
}

/**
 * Where it acts, as far as that matters: before weir translates (raw, mangle on the way in), when the kernel routes, or
 * anywhere else.
 */
export type MarkHook = "before" | "routing" | "other";

/** A rule that sets the class of packets (`meta priority`), which weir's nftables rules use on the first packet. */
export interface ClassUse {
  /** `major * 65536 + minor` */
  readonly value: number;
  readonly place: string;
  readonly text: string;
}

export interface TranslatedPort {
  readonly protocol: Protocol;
  readonly port: number;
  readonly place: string;
  readonly text: string;
}

/** A rule of policy routing, or a route in a table. */
export interface RoutingUse {
  readonly family: Family;
  readonly priority: number;
  /** By number or by name. */
  readonly table: string;
  readonly mark: number | null;
  readonly mask: number | null;
  readonly text: string;
}

export const nothingForeign: ForeignUse = {
  marks: [],
  classes: [],
  translated: [],
  closedForward: [],
  chains: [],
  tables: [],
  routing: [],
  unseen: [],
};

/** All of several readings as one. */
export function joinUses(uses: readonly ForeignUse[]): ForeignUse {
  return {
    marks: uses.flatMap((use) => use.marks),
    classes: uses.flatMap((use) => use.classes),
    translated: uses.flatMap((use) => use.translated),
    closedForward: uses.flatMap((use) => use.closedForward),
    chains: uses.flatMap((use) => use.chains),
    tables: uses.flatMap((use) => use.tables),
    routing: uses.flatMap((use) => use.routing),
    unseen: uses.flatMap((use) => use.unseen),
  };
}
