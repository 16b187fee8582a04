import type { Status } from "./status.ts";

/** The status as `--json` prints it; docs/operations.md describes it. */
export function jsonStatus(status: Status) {
  const { state, against, applied, counts, drift, pending, unfinished, draining, notes } = status;
  return {
    format: 1,
    state,
    against,
    applied,
    counts,
    structure: drift.structure,
    services: drift.services,
    foreign: drift.foreign,
    leftovers: drift.leftovers,
    operations: drift.operations,
    pending,
    unfinished,
    draining,
    notes,
  };
}
