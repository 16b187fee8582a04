import { type JsonPlace, jsonPlace } from "../diagnostics/render-json.ts";
import type { Trial } from "./try.ts";
import { formatExpectedOutcome, formatExpectedPacket } from "./words.ts";

export interface TrialCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function countTrials(trials: readonly Trial[]): TrialCounts {
  const count = (status: Trial["status"]) => trials.filter((trial) => trial.status === status).length;
  return { passed: count("passed"), failed: count("failed"), skipped: count("skipped") };
}

export interface JsonTrial extends Pick<Trial, "node" | "status" | "got" | "reasons" | "notes" | "path"> {
  readonly by: string;
  readonly place: JsonPlace;
  readonly packet: string;
  readonly expected: string;
}

/** One element of `results` of `weir test --json`. */
export function jsonTrial({ expected, node, by, status, got, reasons, notes, path }: Trial): JsonTrial {
  return {
    place: jsonPlace(expected.origin),
    packet: formatExpectedPacket(expected),
    expected: formatExpectedOutcome(expected.outcome),
    node,
    by,
    status,
    got,
    reasons,
    notes,
    path: path.map(({ place, rule, key }) => ({ place, rule, key })),
  };
}
