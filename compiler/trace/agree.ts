import { declarations } from "../backends/declared.ts";
import type { Choice, Outcome } from "../backends/packet.ts";
import type { IrFrontend, NodeIr } from "../ir/ir.ts";
import { type Fraction, formatFraction } from "../net/fraction.ts";
import { formatSocket } from "../net/socket.ts";
import { roundedTo, type Trace, type TracedEndpoint } from "./trace.ts";

/**
 * Where a trace is not what the spec means, in words; null when it is. A client that comes again may only be sent where
 * it could be sent the first time.
 */
export function disagreement(
  ir: NodeIr,
  frontend: IrFrontend | null,
  decided: Outcome,
  trace: Trace,
  isAgain: boolean,
): string | null {
  if (decided.verdict !== trace.verdict) {
    return `${trace.backend} does ${trace.verdict} where the spec means ${decided.verdict}`;
  }
  if (decided.verdict !== "endpoints") return null;
  const { hidesSource, spreadsByWeight } = declarations[trace.backend];
  const isByTurns = frontend !== null && (frontend.scheduler ?? ir.ipvs.defaultScheduler) === "rr";
  const comparesShares = !isAgain && (!spreadsByWeight || !isByTurns);
  const places = (list: readonly (Choice | TracedEndpoint)[]): ReadonlyMap<string, Fraction | null> =>
    new Map(list.map((each) => [placeText(each, hidesSource), each.share]));
  const [meant, seen] = [places(decided.choices), places(trace.endpoints)];
  for (const [place, share] of seen) {
    const wanted = meant.get(place);
    if (wanted === undefined) return `${trace.backend} sends to ${place}, which the spec does not mean`;
    if (comparesShares && isOther(share, wanted)) {
      return `${trace.backend} sends ${shareText(share)} to ${place} where the spec means ${shareText(wanted)}`;
    }
  }
  const missing = isAgain ? undefined : [...meant.keys()].find((place) => !seen.has(place));
  return missing === undefined ? null : `${trace.backend} never sends to ${missing}, which the spec means`;
}

function placeText(choice: Choice | TracedEndpoint, hidesSource: boolean): string {
  const how = choice.masquerade || hidesSource ? "masqueraded" : "unmasqueraded";
  return `${formatSocket(choice.address, choice.port)} ${how}`;
}

function isOther(share: Fraction | null, meant: Fraction | null): boolean {
  if (share === null || meant === null) return false;
  const shown = roundedTo(share, meant);
  return shown === null || formatFraction(shown) !== formatFraction(meant);
}

function shareText(share: Fraction | null): string {
  return share === null ? "an unknown share" : formatFraction(share);
}

/** The trace with shares as they are meant. */
export function withMeantShares(trace: Trace, decided: Outcome): Trace {
  if (decided.verdict !== "endpoints") return trace;
  const meant = new Map(decided.choices.map((each) => [formatSocket(each.address, each.port), each.share]));
  const endpoints = trace.endpoints.map((endpoint) => ({
    ...endpoint,
    share: roundedTo(endpoint.share, meant.get(formatSocket(endpoint.address, endpoint.port)) ?? null),
  }));
  return { ...trace, endpoints };
}
