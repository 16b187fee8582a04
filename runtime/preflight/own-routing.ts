import type { BackendProgram } from "../desired/programs.ts";
import type { ForeignUse, RoutingUse } from "./foreign.ts";

/**
 * What others use, without the routing rules that weir has put there for artifacts that it knows: with other mark bits
 * in the spec they differ from those that are wanted, and are nobody else's all the same.
 */
export function withoutRoutingOf(foreign: ForeignUse, applied: readonly BackendProgram[]): ForeignUse {
  const own = foreign.routing.filter((rule) => applied.some((each) => hasPut(each, rule)));
  const texts = new Set(own.map(({ text }) => text));
  return {
    ...foreign,
    routing: foreign.routing.filter((rule) => !own.includes(rule)),
    marks: foreign.marks.filter(({ hook, text }) => hook !== "routing" || !texts.has(text)),
  };
}

function hasPut(applied: BackendProgram, { family, mark, mask, priority, table }: RoutingUse): boolean {
  const rule = applied.backend === "ipvs" ? applied.program.routing[family]?.rule : undefined;
  return (
    rule !== undefined &&
    rule.mark === mark &&
    rule.mask === mask &&
    rule.priority === priority &&
    String(rule.table) === table
  );
}
