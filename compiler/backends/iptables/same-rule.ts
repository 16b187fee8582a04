import { type MatchTexts, printSharedRule } from "./print.ts";
import type { IptablesMatch, IptablesRule, IptablesTarget } from "./program.ts";

/**
 * Whether two rules are one. What most of 200,000 rules consist of is compared by its fields; the rest as text, which is
 * different for different rules.
 */
export function sameRule(a: IptablesRule, b: IptablesRule, texts: MatchTexts): boolean {
  if (a === b) return true;
  if (a.matches.length !== b.matches.length) return false;
  const isSame = sameTarget(a.target, b.target) && sameMatches(a.matches, b.matches);
  return isSame === true || (isSame === null && printSharedRule(a, texts) === printSharedRule(b, texts));
}

/** null: not known from the fields that are looked at. */
function sameTarget(a: IptablesTarget, b: IptablesTarget): boolean | null {
  if (a === b) return true;
  if (a.kind !== b.kind) return false;
  if (a.kind === "dnat" && b.kind === "dnat") return a.port === b.port && a.address.text === b.address.text;
  if ((a.kind === "goto" || a.kind === "jump") && (b.kind === "goto" || b.kind === "jump")) return a.chain === b.chain;
  return null;
}

function sameMatches(a: readonly IptablesMatch[], b: readonly IptablesMatch[]): boolean | null {
  if (a === b) return true;
  let isKnown = true;
  for (const [index, match] of a.entries()) {
    const other = b[index];
    const isSame = other === undefined ? false : sameMatch(match, other);
    if (isSame === false) return false;
    if (isSame === null) isKnown = false;
  }
  return isKnown ? true : null;
}

function sameMatch(a: IptablesMatch, b: IptablesMatch): boolean | null {
  if (a === b) return true;
  if (a.kind !== b.kind) return false;
  switch (a.kind) {
    case "source":
    case "destination":
      return a.kind === b.kind && a.negated === b.negated && a.prefix.text === b.prefix.text;
    case "protocol":
      return a.kind === b.kind && a.negated === b.negated && a.protocol === b.protocol;
    case "statistic":
      return a.kind === b.kind && a.threshold === b.threshold;
    case "comment":
      return a.kind === b.kind && a.text === b.text;
    default:
      return null;
  }
}
