import type { Applied } from "../desired/desired.ts";
import { lookAt } from "../host/look.ts";
import type { PlaneName, PlanOptions, Snapshot } from "../planes/plane.ts";
import type { Snapshots } from "../state/generations.ts";
import { Differs, StepFailed, Stopped } from "./failure.ts";
import { lastingSteps, operationsOf, type PlannedStep, planSteps } from "./plan.ts";
import { planeOf } from "./planes.ts";
import { journalize, knownArtifacts, observeAll, type Site, takeStep, type Views } from "./site.ts";
import { isProven, sparedBy, type Trusted } from "./trust.ts";

/** What lets a later apply do without reading a plane again. */
export interface Knowledge {
  /** The kernel's count of changes when the plane held what it should, of planes that have one. */
  readonly tokens: Readonly<Partial<Record<PlaneName, string>>>;
  readonly facts: Readonly<Partial<Record<PlaneName, Snapshot>>>;
  /** Planes that held nothing. */
  readonly empty: readonly PlaneName[];
}

export interface ChangeOptions extends PlanOptions {
  readonly trusted: Trusted | null;
  /** The kernel is read back wholly. */
  readonly readsAll?: boolean;
}

export interface Changed {
  readonly knowledge: Knowledge;
  /** What was read back; empty where nothing had to be. */
  readonly views: Views;
}

/**
 * Carries the steps out one by one, each in the journal before it begins, and reads the kernel back, unless its count of
 * changes proves that it holds what was asked for. Throws StepFailed, Stopped, Differs, or the errors of the journal and
 * of reading; the caller restores the state before.
 */
export async function change(
  site: Site,
  generation: number,
  desired: Applied,
  planned: readonly PlannedStep[],
  options: ChangeOptions,
): Promise<Changed> {
  const steps = planned.length;
  for (const [at, { plane, step }] of planned.entries()) {
    const stop = site.stopReason();
    if (stop !== null) throw new Stopped(stop);
    journalize(site, generation, "changing", { step: at + 1, steps });
    await site.progress(`step ${at + 1} of ${steps}: ${step.kind} (${plane})`);
    try {
      await takeStep(site, step);
    } catch (error) {
      throw new StepFailed(at + 1, error);
    }
  }
  journalize(site, generation, "verifying", { step: steps, steps });
  const { trusted } = options;
  const proven = trusted === null ? null : await isProven(site, trusted, planned);
  if (trusted !== null && proven !== null) {
    const { name } = trusted.view;
    const { facts = {}, empty = [] } = site.state.current();
    const own = facts[name];
    // of other planes nothing is known of now
    const knowledge = { tokens: { [name]: proven.token }, facts: own === undefined ? {} : { [name]: own }, empty };
    return { knowledge, views: new Map() };
  }
  return readBack(site, desired, options);
}

/** Throws Differs when the kernel does not hold exactly what is desired. */
async function readBack(site: Site, desired: Applied, options: ChangeOptions): Promise<Changed> {
  await site.progress("reading back");
  const before = await tokensOf(site);
  const spared = options.readsAll === true ? undefined : await sparedBy(site, before, planeOf(desired.backend));
  const views = await observeAll(site, knownArtifacts(site.state), spared);
  const left = lastingSteps(await planSteps(site.planes, views, desired, options));
  if (left.length > 0) {
    throw new Differs("the kernel took every step, but does not hold what is desired", operationsOf(left));
  }
  return { knowledge: await knowledgeOf(site, views, before), views };
}

/** What was read between two looks at the count of changes is what the count stands for only if it is the same in both. */
export async function knowledgeOf(site: Site, views: Views, before: Knowledge["tokens"]): Promise<Knowledge> {
  const after = await tokensOf(site);
  const tokens: Partial<Record<PlaneName, string>> = {};
  const facts: Partial<Record<PlaneName, Snapshot>> = {};
  for (const plane of site.planes) {
    const token = after[plane.name];
    const view = views.get(plane.name);
    if (token !== before[plane.name] || view === undefined) continue;
    const known = plane.facts(view);
    if (token !== undefined) tokens[plane.name] = token;
    else if (!plane.mayAssume(known) && plane.rulesIn === null) continue;
    facts[plane.name] = known;
  }
  const empty = site.planes.flatMap(({ name }) => (views.get(name)?.isEmpty === true ? [name] : []));
  return { tokens, facts, empty };
}

/** What is needed for going back to what was seen. */
export function snapshotsOf(views: Views): Snapshots {
  const snapshots: Partial<Record<PlaneName, Snapshot>> = {};
  for (const [name, view] of views) snapshots[name] = view.snapshot;
  return snapshots;
}

/** What tells whether a plane was changed by anyone since now, of those that can tell. */
export async function tokensOf(site: Site): Promise<Knowledge["tokens"]> {
  const found: Partial<Record<PlaneName, string>> = {};
  // planes with the same count ask for it once
  const look = lookAt(site.host);
  for (const plane of site.planes) {
    const token = await plane.generation(look);
    if (token !== null) found[plane.name] = token;
  }
  return found;
}
