import { type Context, remark } from "../../compiler/cli/context.ts";
import { exitCodes } from "../../compiler/cli/exit.ts";
import { currentRecord } from "../state/state.ts";
import { complain, printJson } from "./say.ts";
import { type StateOptions, withSite } from "./with-site.ts";

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
      const why =
        last === null ? "nothing was applied" : `generation ${last.generation} is ${last.state}: ${last.reason}`;
      await complain(context, `nothing waits for a confirmation: ${why}`);
    }
    return isConfirmed ? exitCodes.ok : exitCodes.failed;
  });
}
