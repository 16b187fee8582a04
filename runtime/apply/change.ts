import type { Applied } from "../desired/desired.ts";
import { milestone } from "../host/milestone.ts";
import type { PlaneName, PlanOptions, Snapshot } from "../planes/plane.ts";
import type { Snapshots } from "../state/generations.ts";
import { Differs, StepFailed, Stopped } from "./failure.ts";
import { lastingSteps, operationsOf, type PlannedStep, planSteps } from "./plan.ts";
import { journalize, knownArtifacts, observeAll, type Site, type Views } from "./site.ts";

/**
 * Carries the steps out one by one, each in the journal before it begins, and reads the kernel back. Throws StepFailed,
 * Stopped, Differs, or the errors of the journal and of reading; the caller restores the state before.
 */
export async function change(
  site: Site,
  generation: number,
  desired: Applied,
  planned: readonly PlannedStep[],
  options: PlanOptions,
): Promise<void> {
  const steps = planned.length;
  for (const [at, { plane, step }] of planned.entries()) {
    const stop = site.stopReason();
    if (stop !== null) throw new Stopped(stop);
    journalize(site, generation, "changing", { step: at + 1, steps });
    await site.progress(`step ${at + 1} of ${steps}: ${step.kind} (${plane})`);
    milestone(`before ${step.kind}`);
    try {
      await site.execute(step);
    } catch (error) {
      throw new StepFailed(at + 1, error);
    }
    milestone(`after ${step.kind}`);
  }
  journalize(site, generation, "verifying", { step: steps, steps });
  await site.progress("reading back");
  const views = await observeAll(site, knownArtifacts(site.state));
  const left = lastingSteps(await planSteps(site.planes, views, desired, options));
  if (left.length > 0) {
    throw new Differs("the kernel took every step, but does not hold what is desired", operationsOf(left));
  }
}

/** What is needed for going back to what was seen. */
export function snapshotsOf(views: Views): Snapshots {
  const snapshots: Partial<Record<PlaneName, Snapshot>> = {};
  for (const [name, view] of views) snapshots[name] = view.snapshot;
  return snapshots;
}

/** What tells whether a plane was changed by anyone since now, of those that can tell. */
export async function tokensOf(site: Site): Promise<Readonly<Partial<Record<PlaneName, string>>>> {
  const found: Partial<Record<PlaneName, string>> = {};
  for (const plane of site.planes) {
    const token = await plane.generation(site.host);
    if (token !== null) found[plane.name] = token;
  }
  return found;
}
