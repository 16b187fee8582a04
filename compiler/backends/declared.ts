import type { IrFrontend } from "../ir/ir.ts";
import type { Scheduler } from "../spec/schema.ts";
import type { BackendName } from "./backend.ts";

/** Where a backend means less than the spec, by what it declares; everything else must be the same. */
export interface Declared {
  /** Endpoints see the node as their client, whatever was asked for. */
  readonly hidesSource: boolean;
  /** Those that it has; whatever else is asked for, it spreads by weight, and has warned of that. */
  readonly schedulers: "all" | readonly Scheduler[];
  /** Bits that others have put on the mark of a packet for a service may be gone when it leaves. */
  readonly losesMarks: boolean;
  /** The most by which one throw of dice may be off; 0 is exact. */
  readonly rounding: number;
}

export const declarations: Readonly<Record<BackendName, Declared>> = {
  // a threshold is a whole number of 2^-31, rounded (xt_statistic.h), so each test is off by half of that at most
  iptables: { hidesSource: false, schedulers: ["wrr"], losesMarks: false, rounding: 2 ** -32 },
  // the mark of a virtual server takes all bits
  ipvs: { hidesSource: false, schedulers: "all", losesMarks: true, rounding: 0 },
  nftables: { hidesSource: false, schedulers: ["wrr"], losesMarks: false, rounding: 0 },
  userspace: {
    hidesSource: true,
    // those that go by destination (dh, lblc, lblcr) see one and the same in a proxy, and it knows no overflow
    schedulers: ["rr", "wrr", "lc", "wlc", "sed", "nq", "fo", "sh", "mh"],
    losesMarks: false,
    rounding: 0,
  },
};

/** How the backend spreads a frontend's connections: as was asked for, or null where it spreads by weight. */
export function keptScheduler(
  backend: BackendName,
  { scheduler, schedulerFlags }: Pick<IrFrontend, "scheduler" | "schedulerFlags">,
): Scheduler | null {
  const { schedulers } = declarations[backend];
  if (schedulers === "all" || scheduler === null) return scheduler;
  // only IPVS hashes clients' ports
  return schedulers.includes(scheduler) && !schedulerFlags.includes("port") ? scheduler : null;
}
