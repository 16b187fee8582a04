import type { PlaneName } from "../planes/plane.ts";
import { currentRecord, unfinished } from "../state/state.ts";
import { Differs } from "./failure.ts";
import { lastingSteps, operationsOf, type PlannedStep, planRemoval } from "./plan.ts";
import { planeOf } from "./planes.ts";
import { journalize, knownArtifacts, observeAll, type Site, takeStep } from "./site.ts";

/**
 * Removes what weir owns in the planes, at once. What was applied there is not current any more, so that nobody brings
 * it back: not a keeper, not the next boot. Throws HostError, StateError, and Differs when something is still there.
 */
export async function cleanUp(site: Site, names: readonly PlaneName[]): Promise<readonly PlannedStep[]> {
  const planes = site.planes.filter(({ name }) => names.includes(name));
  const known = knownArtifacts(site.state);
  const planned = await planRemoval(planes, await observeAll({ ...site, planes }, known));
  forget(site, names);
  for (const [at, { plane, step }] of planned.entries()) {
    await site.progress(`step ${at + 1} of ${planned.length}: ${step.kind} (${plane})`);
    await takeStep(site, step);
  }
  const left = lastingSteps(await planRemoval(planes, await observeAll({ ...site, planes }, known)));
  if (left.length > 0) throw new Differs("something of weir's is still there", operationsOf(left));
  return planned;
}

/** Nothing of these planes is current, unfinished or draining. */
function forget(site: Site, names: readonly PlaneName[]): void {
  const { state } = site;
  const isGone = (generation: number | undefined): boolean => {
    const record = generation === undefined ? null : state.recordIfKept(generation);
    return record !== null && names.includes(planeOf(record.backend));
  };
  const open = unfinished(state);
  if (open !== null && isGone(open.generation)) {
    if (state.recordIfKept(open.generation)?.state === "pending") {
      state.markGeneration(open.generation, "failed", "cleaned up");
    }
    journalize(site, open.generation, "done");
  }
  const current = currentRecord(state);
  if (current !== null && isGone(current.generation)) {
    if (current.state === "pending") state.markGeneration(current.generation, "rolled-back", "cleaned up");
    state.writeCurrent({ generation: null, tokens: {} });
  }
  const draining = state.draining();
  if (draining === null) return;
  const planes = Object.fromEntries(Object.entries(draining.planes).filter(([name]) => !names.some((n) => n === name)));
  state.writeDraining(Object.keys(planes).length === 0 ? null : { planes, incarnation: draining.incarnation });
}
