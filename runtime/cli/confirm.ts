import { type Context, remark } from "../../compiler/cli/context.ts";
import { exitCodes } from "../../compiler/cli/exit.ts";
import type { GenerationRecord } from "../state/schema.ts";
import { currentRecord } from "../state/state.ts";
import { complain, printJson } from "./say.ts";
import { type StateOptions, withSite } from "./with-site.ts";

/** What became of the last apply, when it is not what the node has. */
function fate({ generation, state, reason }: GenerationRecord): string {
  if (state === "confirmed") return `generation ${generation} was confirmed, and removed since`;
  const what = state === "rolled-back" ? "is rolled back" : "was not applied";
  return `generation ${generation} ${what}${reason === null ? "" : ` (${reason})`}`;
}

/** `weir confirm`: what was applied with --confirm is kept. */
export async function confirm(context: Context, options: StateOptions): Promise<number> {
  return withSite(context, { ...options, command: "confirm", flavour: null, waitMs: 10_000 }, async (site, notes) => {
    const record = currentRecord(site.state);
    const latest = site.state.generations().at(-1);
    const last = latest === undefined ? null : site.state.recordIfKept(latest);
    if (record?.state === "pending") site.state.markGeneration(record.generation, "confirmed", null);
    const isConfirmed = record !== null && record.generation === last?.generation;
    const generation = isConfirmed ? record.generation : null;
    if (context.json) {
      const result = isConfirmed ? (record.state === "pending" ? "confirmed" : "unchanged") : "nothing";
      await printJson(context, { result, generation, reason: isConfirmed ? null : (last?.reason ?? null), notes });
    } else if (isConfirmed) {
      const was = record.state === "pending" ? "is confirmed and stays" : "was confirmed already";
      await remark(context, `generation ${record.generation} ${was}`);
    } else {
      await complain(
        context,
        `nothing waits for a confirmation: ${last === null ? "nothing was applied" : fate(last)}`,
      );
    }
    return isConfirmed ? exitCodes.ok : exitCodes.failed;
  });
}
