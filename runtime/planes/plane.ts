import type { Step } from "../../compiler/backends/step.ts";
import type { Host } from "../host/host.ts";

/**
 * A part of the kernel that weir may own something in. A backend uses one plane: `iptables` and `userspace` use the
 * chains `WEIR-…` but `WEIR-IPVS-…`, `ipvs` uses virtual servers, sets, routes, and its own chains.
 */
export type PlaneName = "nftables" | "iptables" | "ipvs";

/** Something inside an object of weir's that weir did not write. */
export interface ForeignPart {
  /** `chain WEIR-SERVICES of table nat (ipv4)` */
  readonly place: string;
  /** As the kernel lists it. */
  readonly text: string;
}

/** Raw texts by name, enough for `restore` to put exactly this state back: listings of the kernel's own tools. */
export type Snapshot = Readonly<Record<string, string>>;

/** What of weir's is in a plane. */
export interface Observed<P> {
  /**
   * null when there is nothing of weir's. Objects with foreign parts are in it without these parts, or in a form that
   * differs from anything weir makes, so that a plan from here always mends them.
   */
  readonly program: P | null;
  readonly foreign: readonly ForeignPart[];
  readonly snapshot: Snapshot;
}

/** What else is known when a plane is read. */
export interface ObserveHints<P> {
  /** Programs that weir has applied or was about to: tells its virtual servers from those of others. */
  readonly known: readonly P[];
  /** What `facts` kept when the plane was read last, where the plane that `rulesIn` names is still as it was then. */
  readonly unchanged?: Snapshot;
}

export interface Plane<P> {
  readonly name: PlaneName;
  /**
   * Reads what weir owns. A kernel or a node without the means (no nft, no IPVS) holds nothing.
   * Throws HostError when it cannot be known: no permission, a tool that fails.
   */
  observe(host: Host, hints: ObserveHints<P>): Promise<Observed<P>>;
  /**
   * The least ordered steps from what is there to a program, null to remove everything. Empty when nothing differs.
   * In this order no moment is without service for what both serve: add, switch, remove.
   */
  plan(now: Observed<P>, after: P | null, options?: PlanOptions): readonly Step[];
  /**
   * What of a snapshot a plan needs beside the program, or a later reading: facts about the node, without the listings
   * that grow with the services.
   */
  readonly facts?: (snapshot: Snapshot) => Snapshot;
  /** Steps that put a snapshot back, from what is there now. */
  restore(now: Observed<P>, snapshot: Snapshot): readonly Step[];
  /** A token that is the same only while nobody has changed the plane; null where the kernel has no such thing. */
  generation(host: Host): Promise<string | null>;
  /**
   * Whether a plan may start from these facts; otherwise the plane is to be read. False where it was asked to put its rules
   * elsewhere than they are.
   */
  readonly suits?: (facts: Snapshot) => boolean;
  /**
   * The plane whose tables this one has rules in too. While nobody has changed that one, these rules are what they were:
   * see `ObserveHints.unchanged`.
   */
  readonly rulesIn?: PlaneName;
  /**
   * Whether a plan may start from what was read back last, as these facts tell, though the kernel counts no changes: where
   * a listing costs as much as the change, and the one after the change shows whether it was so.
   */
  readonly mayAssume?: (facts: Snapshot) => boolean;
  /**
   * What is kept for its connections only, and has none any more; with `isOverdue`, whether it has or not. Only planes
   * that themselves hold connections (ipvs) have it; the connections of others live in connection tracking. `seen`: what
   * was read a moment ago; null: it is to be read.
   */
  readonly drain?: (
    host: Host,
    hints: ObserveHints<P>,
    after: P | null,
    isOverdue: boolean,
    seen: Observed<P> | null,
  ) => Promise<{ readonly steps: readonly Step[]; readonly waiting: number }>;
}

export interface PlanOptions {
  /** Connections need not end first: what goes, goes now. */
  readonly atOnce: boolean;
}

/** Carries out steps of one kind. */
export interface Executor {
  /** Throws HostError with the operation and the object. Steps with transactions leave nothing behind when they fail. */
  execute(host: Host, step: Step): Promise<void>;
  /** Asks the kernel or the tool whether it would take the step, and changes nothing. Throws HostError. Steps that cannot be tried are taken to be right. */
  check(host: Host, step: Step): Promise<void>;
}
