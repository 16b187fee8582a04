import { type Fraction, fractionToNumber } from "../net/fraction.ts";
import { allConcerns, type Diff, hasExposure, isSame } from "./change.ts";

/** As schema.ts describes it; shares are numbers from 0 to 1. */
export function renderDiffJson(diff: Diff): string {
  const document = {
    format: 1,
    old: diff.old,
    new: diff.new,
    compared: diff.compared,
    same: isSame(diff),
    exposure: hasExposure(diff),
    nodeCount: diff.nodeCount,
    concerns: allConcerns(diff),
    settings: diff.settings,
    nodes: diff.nodes,
  };
  return `${JSON.stringify(document, (_, value: unknown) => (isFraction(value) ? fractionToNumber(value) : value), 2)}\n`;
}

function isFraction(value: unknown): value is Fraction {
  return typeof value === "object" && value !== null && "numerator" in value && "denominator" in value;
}
