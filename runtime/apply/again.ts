import { incarnation } from "../host/identity.ts";
import type { GenerationRecord } from "../state/schema.ts";
import { change, type Knowledge, knowledgeOf, snapshotsOf, tokensOf } from "./change.ts";
import { settleDrains } from "./drains.ts";
import { type Failure, failureOf } from "./failure.ts";
import { type PlannedStep, planSteps } from "./plan.ts";
import { planeOf } from "./planes.ts";
import { restorePlanes } from "./restore.ts";
import { journalize, knownArtifacts, observeAll, type Site } from "./site.ts";

export type AgainResult =
  | { readonly kind: "unchanged" }
  | { readonly kind: "applied"; readonly steps: readonly PlannedStep[] }
  | { readonly kind: "rolled-back"; readonly failure: Failure }
  | { readonly kind: "broken"; readonly failure: Failure; readonly restore: Failure };

/**
 * Puts a confirmed generation back into the kernel, after a reboot for instance. It is no new generation: `weir
 * rollback` goes to what was before it, not to an empty kernel. Throws (HostError, StateError) only while nothing is
 * changed.
 */
export async function applyAgain(site: Site, record: GenerationRecord): Promise<AgainResult> {
  const desired = site.state.artifact(record);
  const tokens = await tokensOf(site);
  const views = await observeAll(site, [desired, ...knownArtifacts(site.state)]);
  const options = { atOnce: true, trusted: null };
  const planned = await planSteps(site.planes, views, desired, options);
  let knowledge: Knowledge | null = null;
  if (planned.length > 0) {
    try {
      knowledge = (await change(site, record.generation, desired, planned, options)).knowledge;
    } catch (error) {
      return goBack(site, record, snapshotsOf(views), failureOf(error));
    }
  }
  site.state.replaceRecord({ ...record, incarnation: incarnation() });
  knowledge ??= await knowledgeOf(site, views, tokens);
  site.state.writeCurrent({ generation: record.generation, ...knowledge });
  journalize(site, record.generation, "done");
  await settleDrains(site, { leaving: [], deadlineMs: null });
  return planned.length === 0 ? { kind: "unchanged" } : { kind: "applied", steps: planned };
}

async function goBack(
  site: Site,
  record: GenerationRecord,
  snapshots: ReturnType<typeof snapshotsOf>,
  failure: Failure,
): Promise<AgainResult> {
  const restore = await restorePlanes(site, snapshots, planeOf(record.backend), [record.generation]).catch(failureOf);
  journalize(site, record.generation, "done");
  return restore === null ? { kind: "rolled-back", failure } : { kind: "broken", failure, restore };
}
