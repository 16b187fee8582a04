import type { BackendName } from "./backend.ts";

/** Where a backend means less than the spec, by what it declares; everything else must be the same. */
export interface Declared {
  /** Endpoints see the node as their client, whatever was asked for. */
  readonly hidesSource: boolean;
  /** Spreads by weight, whatever the scheduler is: it has warned of that. */
  readonly spreadsByWeight: boolean;
  /** The most by which one throw of dice may be off; 0 is exact. */
  readonly rounding: number;
}

export const declarations: Readonly<Record<BackendName, Declared>> = {
  // a threshold is a whole number of 2^-31, rounded (xt_statistic.h), so each test is off by half of that at most
  iptables: { hidesSource: false, spreadsByWeight: true, rounding: 2 ** -32 },
  ipvs: { hidesSource: false, spreadsByWeight: false, rounding: 0 },
  nftables: { hidesSource: false, spreadsByWeight: true, rounding: 0 },
  userspace: { hidesSource: true, spreadsByWeight: true, rounding: 0 },
};
