/**
 * Something that stands between a node and an artifact. `error`: traffic would go wrong or the kernel would refuse, so
 * nothing is applied; `warning`: it can be right on this node, and the operator should know.
 */
export interface Finding {
  readonly severity: "error" | "warning";
  /** Stable, for programs: `requirement/kernel-module`, `conflict/mark`. */
  readonly code: `${"requirement" | "conflict"}/${string}`;
  /** One sentence without a full stop, naming the object: `the kernel module nft_numgen is missing`. */
  readonly what: string;
  /** Which feature needs it, or what would happen; null when `what` says it all. */
  readonly why: string | null;
  /** What to do about it; null when there is nothing to be done in a line. */
  readonly help: string | null;
  /** Keys of the service ports that it is about, `shop/web:http`; empty when it concerns all, or none. */
  readonly services: readonly string[];
}
