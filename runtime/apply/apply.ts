import { type Desired, isSameArtifact } from "../desired/desired.ts";
import { bootMilliseconds, incarnation } from "../host/identity.ts";
import type { GenerationRecord } from "../state/schema.ts";
import { currentRecord, unfinished } from "../state/state.ts";
import { type Changed, change, type Knowledge, snapshotsOf, tokensOf } from "./change.ts";
import { settleDrains } from "./drains.ts";
import { type Failure, failureOf, Stopped } from "./failure.ts";
import { type PlannedStep, planSteps } from "./plan.ts";
import { planeOf } from "./planes.ts";
import { restoreBefore, stepsBack } from "./restore.ts";
import {
  journalize,
  knownArtifacts,
  neededGenerations,
  observeAll,
  type Site,
  type Spared,
  type Views,
} from "./site.ts";
import { sparedBy, type Trusted, trustedPlane } from "./trust.ts";

export interface ApplyOptions {
  /** Restore the state before unless it is confirmed within so many seconds; null: keep it. */
  readonly confirmSeconds: number | null;
  /** How long what leaves may wait for its connections. */
  readonly drainSeconds: number;
  /** The kernel is read wholly, before and after, whatever is known of it. */
  readonly readsAll?: boolean;
  /**
   * Looks at the node, and at what is to be done, when something is to be changed; throws to refuse. `known`: the key that
   * it gave last, null when the node was started anew since. What it gives now is kept with the generation.
   */
  readonly preflight?: (known: string | null, planned: readonly PlannedStep[]) => Promise<string>;
  /** Waits for what must be there before the rules are; the new generation can be read in the state folder. */
  readonly ready?: () => Promise<void>;
}

export type ApplyResult =
  /** The kernel held it already. */
  | { readonly kind: "unchanged"; readonly generation: number }
  | {
      readonly kind: "applied";
      readonly generation: number;
      /** Empty when the kernel held it already and only the record is new. */
      readonly steps: readonly PlannedStep[];
      /** Seconds in which to confirm; null when nothing is to be confirmed. */
      readonly confirmSeconds: number | null;
      /** Objects that stay until their connections end. */
      readonly waiting: number;
      /** What is not as it should be though the rules are in place. */
      readonly remarks: readonly string[];
    }
  | { readonly kind: "rolled-back"; readonly generation: number; readonly failure: Failure }
  /** The state before could not be restored wholly. */
  | { readonly kind: "broken"; readonly generation: number; readonly failure: Failure; readonly restore: Failure };

/**
 * Brings the kernel to what is desired, reads it back, and goes back to the state before when any of it fails. Everything
 * that is needed for going back is on disk before the first change. Throws (HostError, StateError) only while nothing
 * is changed.
 */
export async function applyDesired(site: Site, desired: Desired, options: ApplyOptions): Promise<ApplyResult> {
  const { views, planned, trusted } = await look(site, desired, options);
  const known = currentRecord(site.state);
  if (planned.length === 0 && known !== null && isKept(site, known, desired)) {
    return { kind: "unchanged", generation: known.generation };
  }
  const seen = known?.incarnation === incarnation() ? known.preflight : null;
  const preflight = planned.length === 0 ? seen : ((await options.preflight?.(seen, planned)) ?? null);
  const confirmSeconds = planned.length === 0 ? null : options.confirmSeconds;
  const record = prepare(site, desired, views, { confirmSeconds, preflight });
  if (record.confirm !== null) await armed(site, record, views);
  if (planned.length > 0) await options.ready?.();
  return carryOut(site, record, desired, planned, { ...options, trusted });
}

interface Look {
  readonly views: Views;
  readonly planned: readonly PlannedStep[];
  readonly trusted: Trusted | null;
}

/** What the kernel holds, and what there is to do. */
async function look(site: Site, desired: Desired, options: ApplyOptions): Promise<Look> {
  await site.progress("reading what the kernel holds");
  const trusted = options.readsAll === true ? null : await trustedPlane(site, planeOf(desired.backend));
  const spared = options.readsAll === true ? undefined : await sparedFor(site, desired, trusted);
  const views = await observeAll(site, knownArtifacts(site.state), spared);
  const planned = await planSteps(site.planes, views, desired, { atOnce: options.drainSeconds === 0 });
  // an assumption by which there is nothing to do would never be put to the test
  if (trusted?.token === null && planned.length === 0) return look(site, desired, { ...options, readsAll: true });
  return { views, planned, trusted };
}

async function sparedFor(site: Site, { backend }: Desired, trusted: Trusted | null): Promise<Spared> {
  if (trusted !== null) return { views: trusted.views, unchanged: {} };
  return sparedBy(site, await tokensOf(site), planeOf(backend));
}

/** Whether a record says already what would be recorded. */
function isKept(site: Site, record: GenerationRecord, desired: Desired): boolean {
  if (record.state !== "confirmed" || record.incarnation !== incarnation()) return false;
  if (!isSameArtifact(site.state.artifact(record), desired)) return false;
  const open = unfinished(site.state);
  // the kernel holds the current generation: what a killed process had begun is no more
  if (open !== null) closeInterrupted(site, open.generation, "another apply took its place");
  return true;
}

/** A generation whose process ended in the middle of it counts as failed. */
function closeInterrupted(site: Site, generation: number, reason: string): void {
  const record = site.state.recordIfKept(generation);
  if (record?.state === "pending") site.state.markGeneration(generation, "failed", reason);
  journalize(site, generation, "done");
}

/** Puts the new generation, the way back and the journal on disk. */
function prepare(
  site: Site,
  desired: Desired,
  views: Views,
  settings: { readonly confirmSeconds: number | null; readonly preflight: string | null },
): GenerationRecord {
  const { state } = site;
  const { confirmSeconds, preflight } = settings;
  const open = unfinished(state);
  const current = currentRecord(state);
  const now = new Date().toISOString();
  const record: GenerationRecord = {
    format: 1,
    generation: (state.generations().at(-1) ?? 0) + 1,
    state: "pending",
    node: desired.node,
    backend: desired.backend,
    spec: desired.manifest.spec,
    from: desired.from,
    startedAt: now,
    changedAt: now,
    previous: current?.generation ?? null,
    incarnation: incarnation(),
    confirm: confirmSeconds === null ? null : { seconds: confirmSeconds, deadline: null },
    preflight,
    reason: null,
  };
  state.addGeneration(record, desired, snapshotsOf(views));
  if (open !== null) closeInterrupted(site, open.generation, "another apply took its place");
  journalize(site, record.generation, "prepared");
  return record;
}

/**
 * Starts the keeper and tries out the way back: the kernel is asked whether it would load the state before into a plane
 * that holds nothing. Nothing is changed yet, so any failure ends the matter.
 */
async function armed(site: Site, record: GenerationRecord, views: Views): Promise<void> {
  try {
    await site.startKeeper();
    await site.progress("trying out the way back");
    for (const plane of site.planes) {
      const view = views.get(plane.name);
      if (view === undefined || view.isEmpty) continue;
      const empty = await plane.assume(null);
      for (const step of await stepsBack(site, empty, view.snapshot)) await site.check(step);
    }
  } catch (error) {
    site.state.markGeneration(record.generation, "failed", failureOf(error).message);
    journalize(site, record.generation, "done");
    throw error;
  }
}

async function carryOut(
  site: Site,
  record: GenerationRecord,
  desired: Desired,
  planned: readonly PlannedStep[],
  options: ApplyOptions & { readonly trusted: Trusted | null },
): Promise<ApplyResult> {
  const { generation } = record;
  let steps = planned;
  let views: Views = new Map();
  try {
    const changed = await changeTwice(site, generation, desired, planned, options);
    steps = changed.steps;
    views = changed.views;
    finish(site, record, changed.knowledge);
  } catch (error) {
    const failure = failureOf(error);
    await site.progress("restoring the state before");
    const restored = await restoreBefore(site, record, "failed", failure.message);
    if (restored.failure === null) return { kind: "rolled-back", generation, failure };
    return { kind: "broken", generation, failure, restore: restored.failure };
  }
  const confirmSeconds = record.confirm?.seconds ?? null;
  return { kind: "applied", generation, steps, confirmSeconds, ...(await settle(site, record, views, options)) };
}

/**
 * A change that started from an assumption and failed, or left something else than what is desired, is gone on with from
 * what the kernel does hold: a foreign flush, for instance. Throws as `change` does.
 */
async function changeTwice(
  site: Site,
  generation: number,
  desired: Desired,
  planned: readonly PlannedStep[],
  { trusted, drainSeconds, readsAll = false }: ApplyOptions & { readonly trusted: Trusted | null },
): Promise<Changed & { readonly steps: readonly PlannedStep[] }> {
  const atOnce = drainSeconds === 0;
  try {
    return { ...(await change(site, generation, desired, planned, { atOnce, trusted, readsAll })), steps: planned };
  } catch (error) {
    const isAssumed = trusted !== null && trusted.token === null;
    if (!isAssumed || error instanceof Stopped) throw error;
    const now = await look(site, desired, { confirmSeconds: null, drainSeconds, readsAll: true });
    const changed = await change(site, generation, desired, now.planned, { atOnce, trusted: null, readsAll: true });
    return { ...changed, steps: [...planned, ...now.planned] };
  }
}

/** The record is what counts: a process that is killed after it was written has applied the generation. */
function finish(site: Site, record: GenerationRecord, knowledge: Knowledge): void {
  const changedAt = new Date().toISOString();
  if (record.confirm === null) {
    site.state.replaceRecord({ ...record, state: "confirmed", changedAt });
  } else {
    const deadline = bootMilliseconds() + record.confirm.seconds * 1000;
    site.state.replaceRecord({ ...record, confirm: { ...record.confirm, deadline }, changedAt });
  }
  site.state.writeCurrent({ generation: record.generation, ...knowledge });
  journalize(site, record.generation, "done");
}

/** What comes after: connections that are to end by themselves, and old generations. The rules are in place whatever happens here. */
async function settle(
  site: Site,
  record: GenerationRecord,
  views: Views,
  options: ApplyOptions,
): Promise<{ readonly waiting: number; readonly remarks: readonly string[] }> {
  const remarks: string[] = [];
  let waiting = 0;
  try {
    const leaving = record.previous === null ? [] : [record.previous];
    const deadlineMs = bootMilliseconds() + options.drainSeconds * 1000;
    waiting = await settleDrains(site, { leaving, deadlineMs, views });
  } catch (error) {
    remarks.push(`what waits for its connections to end could not be seen to: ${failureOf(error).message}`);
  }
  try {
    site.state.prune(neededGenerations(site.state));
  } catch (error) {
    remarks.push(failureOf(error).message);
  }
  return { waiting, remarks };
}
