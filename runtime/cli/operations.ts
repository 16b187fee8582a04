import type { Operation } from "../../compiler/backends/step.ts";
import { visible } from "../../compiler/diagnostics/visible.ts";
import type { PlannedStep } from "../apply/plan.ts";

/** More are counted, not listed. */
const mostListed = 200;
const mostListedOfService = 40;

/**
 * Operations for people: grouped by the service port that they are for, those that serve all at the end. Of a large change
 * each group is a line of counts.
 */
export function operationLines(operations: readonly Operation[]): readonly string[] {
  const groups = new Map<string, Operation[]>();
  for (const operation of operations) {
    const key = operation.key ?? "";
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(operation);
  }
  const keys = [...groups.keys()].sort((a, b) => Number(a === "") - Number(b === "") || (a < b ? -1 : 1));
  if (operations.length > mostListed) return largeLines(keys, groups, operations);
  return keys.flatMap((key) => [titleOf(key), ...groupLines(groups.get(key) ?? []).map((line) => `  ${line}`)]);
}

function titleOf(key: string): string {
  return key === "" ? "for all services" : visible(key);
}

function groupLines(group: readonly Operation[]): readonly string[] {
  if (group.length > mostListedOfService) return countLines(group);
  return group.map(({ action, object, name }) => visible(`${action} ${object} ${name}`));
}

/** `add 20,000 elements` */
function countLines(group: readonly Operation[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { action, object } of group) {
    const what = `${action} ${object}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return [...counts].map(([what, count]) => `${what}: ${count.toLocaleString("en-US")}`);
}

function largeLines(
  keys: readonly string[],
  groups: ReadonlyMap<string, readonly Operation[]>,
  operations: readonly Operation[],
): readonly string[] {
  const shown = keys.slice(0, 20).map((key) => `${titleOf(key)}: ${countLines(groups.get(key) ?? []).join(", ")}`);
  const more = keys.length > 20 ? [`and ${(keys.length - 20).toLocaleString("en-US")} more services`] : [];
  return [...shown, ...more, `in all: ${countLines(operations).join(", ")}`];
}

/** Steps for `--json`: what each does, without the text that does it. */
export function jsonSteps(steps: readonly PlannedStep[]) {
  return steps.map(({ plane, step }) => ({ kind: step.kind, plane, operations: step.operations }));
}

/** `12 operations in 2 steps` */
export function sizeOf(steps: readonly PlannedStep[]): string {
  const operations = steps.reduce((sum, { step }) => sum + step.operations.length, 0);
  const count = (value: number, thing: string): string =>
    `${value.toLocaleString("en-US")} ${thing}${value === 1 ? "" : "s"}`;
  return `${count(operations, "operation")} in ${count(steps.length, "step")}`;
}
