import { type Context, remark } from "../../compiler/cli/context.ts";
import { exitCodes } from "../../compiler/cli/exit.ts";
import type { Failure } from "../apply/failure.ts";
import { restoreBefore } from "../apply/restore.ts";
import { byHand, type GenerationRecord } from "../state/schema.ts";
import { currentRecord, type StateReader, unfinished } from "../state/state.ts";
import { complain, printJson } from "./say.ts";
import { failureText } from "./trouble.ts";
import { type StateOptions, withSite } from "./with-site.ts";

/** `weir rollback`: the kernel's state before the last apply. */
export async function rollback(context: Context, options: StateOptions): Promise<number> {
  return withSite(context, { ...options, command: "rollback", flavour: null, waitMs: 10_000 }, async (site, notes) => {
    const record = lastChange(site.state);
    if (record === null) return nothing(context, site.state.generations().length === 0, notes);
    const { failure } = await restoreBefore(site, record, "rolled-back", byHand);
    await site.progress("");
    const now = currentRecord(site.state);
    if (context.json) {
      const result = failure === null ? "rolled-back" : "broken";
      const current = now?.generation ?? null;
      await printJson(context, { result, generation: record.generation, current, failure, notes });
    } else {
      await tell(context, record, now, failure);
    }
    return failure === null ? exitCodes.ok : exitCodes.failed;
  });
}

/** A change that was cut short, or could not be undone, comes before the current generation. */
function lastChange(state: StateReader): GenerationRecord | null {
  const open = unfinished(state);
  return (open === null ? null : state.recordIfKept(open.generation)) ?? currentRecord(state);
}

async function nothing(context: Context, isNew: boolean, notes: readonly string[]): Promise<number> {
  if (context.json) {
    await printJson(context, { result: "nothing", generation: null, current: null, failure: null, notes });
  } else {
    const why = isNew
      ? "nothing was applied"
      : "nothing is applied any more (what went before is rolled back, cleaned up or too old)";
    await complain(context, `nothing to go back from: ${why}`);
  }
  return exitCodes.failed;
}

async function tell(
  context: Context,
  record: GenerationRecord,
  now: GenerationRecord | null,
  failure: Failure | null,
): Promise<void> {
  if (failure !== null) {
    const text = `the state before generation ${record.generation} could not be restored wholly: ${failureText(failure)}`;
    return complain(context, text);
  }
  const current =
    now === null ? "nothing of weir's is current" : `generation ${now.generation} (${now.backend}) is current`;
  await remark(
    context,
    `generation ${record.generation} is rolled back: the kernel holds what it held before; ${current}`,
  );
}
