import { bootMilliseconds, incarnation } from "../host/identity.ts";
import type { GenerationRecord, Journal } from "../state/schema.ts";
import { currentRecord, unfinished } from "../state/state.ts";
import { type Restored, restoreBefore } from "./restore.ts";
import { journalize, type Site } from "./site.ts";

export interface Recovered {
  /** What was found and done, in sentences. */
  readonly notes: readonly string[];
  /** A way back that did not succeed wholly. */
  readonly failed: Restored | null;
}

const nothing: Recovered = { notes: [], failed: null };

/**
 * Brings to its end what a process left behind that was killed, with the lock held: a change that was to be confirmed
 * is undone, a confirmation that did not come in time is acted upon, the record of a finished one is completed. A change
 * that was not to be confirmed is left as it is, for the next apply or rollback to go on from. Throws StateError.
 */
export async function recover(site: Site): Promise<Recovered> {
  const journal = unfinished(site.state);
  const first = journal === null ? nothing : await recoverChange(site, journal);
  const second = await recoverConfirmation(site);
  return { notes: [...first.notes, ...second.notes], failed: first.failed ?? second.failed };
}

async function recoverChange(site: Site, journal: Journal): Promise<Recovered> {
  const { generation } = journal;
  const record = site.state.recordIfKept(generation);
  const isHere = journal.incarnation === incarnation();
  if (record === null) {
    journalize(site, generation, "done");
    return nothing;
  }
  if (journal.phase === "broken" && isHere) return nothing;
  if (record.state !== "pending") return recoverRecorded(site, journal, record);
  if (!isHere) {
    site.state.markGeneration(generation, "failed", "the node went down in the middle of it");
    journalize(site, generation, "done");
    return { notes: [`generation ${generation} was being applied when the node went down`], failed: null };
  }
  const isApplied = record.confirm !== null && record.confirm.deadline !== null;
  if (isApplied && journal.phase !== "restoring") return completed(site, record);
  if (journal.phase === "prepared") {
    site.state.markGeneration(generation, "failed", "its process ended before it changed anything");
    journalize(site, generation, "done");
    return {
      notes: [`generation ${generation} was not applied: its process ended before it changed anything`],
      failed: null,
    };
  }
  const where = journal.phase === "changing" ? ` at step ${journal.step} of ${journal.steps}` : "";
  const what = `the process that applied generation ${generation} ended in the middle of it${where}`;
  if (record.confirm === null) return { notes: [what], failed: null };
  const restored = await restoreBefore(site, record, "rolled-back", what);
  return { notes: [`${what}: ${outcome(restored)}`], failed: restored.failure === null ? null : restored };
}

/** A process ended after the record said how it went. */
function recoverRecorded(site: Site, journal: Journal, record: GenerationRecord): Recovered {
  const { generation } = record;
  if (record.state === "confirmed") {
    if (journal.phase !== "restoring") return completed(site, record);
    return {
      notes: [`going back from generation ${generation} was cut short: weir rollback finishes it`],
      failed: null,
    };
  }
  if (site.state.current().generation === generation) {
    site.state.writeCurrent({ generation: record.previous, tokens: {} });
  }
  journalize(site, generation, "done");
  return nothing;
}

/** The record says that it was applied; what stands after it was not written any more. */
function completed(site: Site, record: GenerationRecord): Recovered {
  site.state.writeCurrent({ generation: record.generation, tokens: {} });
  journalize(site, record.generation, "done");
  return nothing;
}

async function recoverConfirmation(site: Site): Promise<Recovered> {
  const record = currentRecord(site.state);
  if (record === null || record.state !== "pending") return nothing;
  const { generation, confirm } = record;
  if (record.incarnation !== incarnation()) {
    site.state.markGeneration(generation, "rolled-back", "the node was started anew before it was confirmed");
    site.state.writeCurrent({ generation: record.previous, tokens: {} });
    return { notes: [`generation ${generation} was not confirmed before the node was started anew`], failed: null };
  }
  if (confirm === null || confirm.deadline === null || bootMilliseconds() < confirm.deadline) return nothing;
  const what = `generation ${generation} was not confirmed within ${confirm.seconds} s`;
  const restored = await restoreBefore(site, record, "rolled-back", what);
  return { notes: [`${what}: ${outcome(restored)}`], failed: restored.failure === null ? null : restored };
}

function outcome({ failure }: Restored): string {
  return failure === null
    ? "the state before is restored"
    : `the state before could not be restored: ${failure.message}`;
}
