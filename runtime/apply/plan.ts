import type { Operation, Step } from "../../compiler/backends/step.ts";
import type { Applied } from "../desired/desired.ts";
import type { PlaneName, PlanOptions } from "../planes/plane.ts";
import { type BoundPlane, planeOf } from "./planes.ts";
import type { Views } from "./site.ts";

/** A step and the plane that it belongs to. */
export interface PlannedStep {
  readonly plane: PlaneName;
  readonly step: Step;
}

/**
 * The steps from what the planes hold to an artifact: its own plane first, then what leaves other planes, so that a move
 * has the new rules in place before the old ones go. Flows of UDP are dropped at the very end, and only those that
 * nothing serves any more: a flow whose endpoint merely changes its plane stays.
 */
export async function planSteps(
  planes: readonly BoundPlane[],
  views: Views,
  desired: Applied,
  options: PlanOptions,
): Promise<readonly PlannedStep[]> {
  const target = planeOf(desired.backend);
  const steps: PlannedStep[] = [];
  const flows: PlannedStep[] = [];
  for (const step of (await views.get(target)?.plan(desired, options)) ?? []) {
    (step.kind === "flows" ? flows : steps).push({ plane: target, step });
  }
  for (const plane of planes) {
    const view = views.get(plane.name);
    if (plane.name === target || view === undefined) continue;
    for (const step of await view.plan(null, options)) {
      if (step.kind !== "flows") steps.push({ plane: plane.name, step });
    }
  }
  return [...steps, ...flows];
}

/** Everything of the given planes away. */
export async function planRemoval(planes: readonly BoundPlane[], views: Views): Promise<readonly PlannedStep[]> {
  const steps: PlannedStep[] = [];
  for (const { name } of planes) {
    for (const step of (await views.get(name)?.plan(null, { atOnce: true })) ?? []) steps.push({ plane: name, step });
  }
  return [...steps.filter(({ step }) => step.kind !== "flows"), ...steps.filter(({ step }) => step.kind === "flows")];
}

/** All operations of some steps, in order. */
export function operationsOf(steps: readonly PlannedStep[]): readonly Operation[] {
  return steps.flatMap(({ step }) => step.operations);
}

/** Steps that change what is kept: dropping flows is done once and not seen when read back. */
export function lastingSteps(steps: readonly PlannedStep[]): readonly PlannedStep[] {
  return steps.filter(({ step }) => step.kind !== "flows");
}
