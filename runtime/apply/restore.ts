import type { Operation, Step } from "../../compiler/backends/step.ts";
import type { PlaneName, Snapshot } from "../planes/plane.ts";
import type { Snapshots } from "../state/generations.ts";
import type { GenerationRecord } from "../state/schema.ts";
import { settleDrains } from "./drains.ts";
import { type Failure, failureOf } from "./failure.ts";
import { type BoundPlane, generationOfSnapshot, type PlaneView, planeOf } from "./planes.ts";
import { journalize, knownArtifacts, type Site, takeStep } from "./site.ts";

export interface Restored {
  /** null: the kernel holds what it held before. */
  readonly failure: Failure | null;
}

/**
 * Puts back what the planes held before a generation, reads them again, and records the outcome: the generation is
 * rolled back (or failed, when `state` says that it never was whole), and the one before it is current again. The
 * plane of the generation itself comes last, so that what served before serves again before the new rules go.
 * Throws only for bugs: whatever else goes wrong is the outcome.
 */
export async function restoreBefore(
  site: Site,
  record: GenerationRecord,
  state: "rolled-back" | "failed",
  reason: string,
): Promise<Restored> {
  const { generation } = record;
  let failure: Failure | null = null;
  try {
    const snapshots = site.state.snapshots(generation);
    attempt(() => journalize(site, generation, "restoring"));
    // nobody may take away what comes back now
    attempt(() => site.state.writeDraining(null));
    failure = await restorePlanes(site, snapshots, planeOf(record.backend), [record.generation, record.previous]);
  } catch (error) {
    failure = failureOf(error);
  }
  const problem = attempt(() => {
    site.state.markGeneration(generation, failure === null ? state : "failed", reason);
    site.state.writeCurrent({ generation: record.previous, tokens: {} });
    journalize(site, generation, failure === null ? "done" : "broken");
  });
  if (failure === null && problem === null) {
    await settleDrains(site, { leaving: [generation], deadlineMs: null }).catch(() => {});
  }
  return { failure: failure ?? (problem === null ? null : failureOf(problem)) };
}

/** A full disk must not keep the kernel from being put right. */
function attempt(write: () => void): unknown {
  try {
    write();
    return null;
  } catch (error) {
    return error;
  }
}

/**
 * Puts planes back, and reads them again. Null: they hold what the snapshots say. `generations` may have left something
 * there, or have it again. Throws HostError of the reading.
 */
export async function restorePlanes(
  site: Site,
  snapshots: Snapshots,
  last: PlaneName,
  generations: readonly (number | null)[],
): Promise<Failure | null> {
  const known = knownArtifacts(site.state, generations);
  const ordered = [...site.planes].sort((a, b) => Number(a.name === last) - Number(b.name === last));
  let failure: Failure | null = null;
  for (const plane of ordered) {
    try {
      await restorePlane(site, plane, snapshots, known);
    } catch (error) {
      // the other planes can still be put right
      failure ??= failureOf(error);
    }
  }
  if (failure !== null) return failure;
  const differences: Operation[] = [];
  for (const plane of ordered) {
    const snapshot = snapshots[plane.name];
    if (snapshot === undefined) continue;
    const left = await stepsBack(site, await plane.observe(site.host, known), snapshot);
    differences.push(...left.filter(({ kind }) => kind !== "flows").flatMap(({ operations }) => operations));
  }
  if (differences.length === 0) return null;
  const message = "the kernel does not hold what it held before, though it took every step back";
  return { message, help: null, step: null, differences };
}

/** The steps from what a plane holds to a snapshot. Throws StateError when the generation that stands for it is gone. */
export async function stepsBack(site: Site, view: PlaneView, snapshot: Snapshot): Promise<readonly Step[]> {
  const generation = generationOfSnapshot(snapshot);
  if (generation === null) return view.restore(snapshot);
  return view.plan(site.state.artifact(site.state.record(generation)), { atOnce: true });
}

async function restorePlane(
  site: Site,
  plane: BoundPlane,
  snapshots: Snapshots,
  known: Parameters<BoundPlane["observe"]>[1],
): Promise<void> {
  const snapshot = snapshots[plane.name];
  if (snapshot === undefined) return;
  const view = await plane.observe(site.host, known);
  for (const step of await stepsBack(site, view, snapshot)) {
    await takeStep(site, step, "restoring ");
  }
}
