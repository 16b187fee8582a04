import type { BackendName } from "./backend.ts";

/** Where a backend means less than the spec, by what it declares; everything else must be the same. */
export interface Declared {
  /** Endpoints see the node as their client, whatever was asked for. */
  readonly hidesSource: boolean;
  /** Spreads by weight, whatever the scheduler is: it has warned of that. */
  readonly spreadsByWeight: boolean;
  /** Bits that others have put on the mark of a packet for a service may be gone when it leaves. */
  readonly losesMarks: boolean;
  /** The most by which one throw of dice may be off; 0 is exact. */
  readonly rounding: number;
}

export const declarations: Readonly<Record<BackendName, Declared>> = {
  // a threshold is a whole number of 2^-31, rounded (xt_statistic.h), so each test is off by half of that at most
  iptables: { hidesSource: false, spreadsByWeight: true, losesMarks: false, rounding: 2 ** -32 },
  // the mark of a virtual server takes all bits
  ipvs: { hidesSource: false, spreadsByWeight: false, losesMarks: true, rounding: 0 },
  nftables: { hidesSource: false, spreadsByWeight: true, losesMarks: false, rounding: 0 },
  userspace: { hidesSource: true, spreadsByWeight: true, losesMarks: false, rounding: 0 },
};
