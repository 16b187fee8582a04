import { type Family, families } from "../../net/address.ts";
import type { RoutingChange } from "../step.ts";
import type { IpvsProgram, LocalRouting, RoutingRule, Sysctl } from "./program.ts";

export interface RoutingDelta {
  /** Routes, then the rule that leads to them. */
  readonly prepare: readonly RoutingChange[];
  /** The other way round. */
  readonly release: readonly RoutingChange[];
}

/** A rule of other values has a table of its own, or shares it with the one before; both rules may stand side by side. */
export function deltaRouting(before: IpvsProgram["routing"], after: IpvsProgram["routing"]): RoutingDelta {
  const prepare: RoutingChange[] = [];
  const release: RoutingChange[] = [];
  for (const family of families) {
    const [was, is] = [before[family], after[family]];
    prepare.push(...missing(family, is, was, "add-local-route"));
    if (is !== null && (was === null || !isSameRule(was.rule, is.rule))) {
      prepare.push({ op: "add-rule", family, rule: is.rule });
    }
    if (was !== null && (is === null || !isSameRule(was.rule, is.rule))) {
      release.push({ op: "delete-rule", family, rule: was.rule });
    }
    release.push(...missing(family, was, is, "delete-local-route"));
  }
  return { prepare, release };
}

/** A change for each route that `here` has and `there` has not. */
function missing(
  family: Family,
  here: LocalRouting | null,
  there: LocalRouting | null,
  op: "add-local-route" | "delete-local-route",
): readonly RoutingChange[] {
  if (here === null) return [];
  const { table } = here.rule;
  const known = new Set(there?.rule.table === table ? there.prefixes.map((prefix) => prefix.text) : []);
  return here.prefixes.filter((prefix) => !known.has(prefix.text)).map((prefix) => ({ op, family, table, prefix }));
}

function isSameRule(a: RoutingRule, b: RoutingRule): boolean {
  return a.priority === b.priority && a.mark === b.mark && a.mask === b.mask && a.table === b.table;
}

/** Values that are not there. What the program before needed and this one does not is left as it is: others may rely on it. */
export function deltaSysctls(before: readonly Sysctl[], after: readonly Sysctl[]): readonly Sysctl[] {
  const known = new Map(before.map(({ name, value }) => [name, value]));
  return after.filter(({ name, value }) => known.get(name) !== value);
}
