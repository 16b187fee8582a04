import { type Context, remark } from "../../compiler/cli/context.ts";
import { exitCodes } from "../../compiler/cli/exit.ts";
import { type AgainResult, applyAgain } from "../apply/again.ts";
import type { GenerationRecord } from "../state/schema.ts";
import { currentRecord, lastConfirmed, stateReader } from "../state/state.ts";
import type { ApplyCommandOptions } from "./apply.ts";
import { jsonSteps, sizeOf } from "./operations.ts";
import { refuseWhilePending } from "./refuse.ts";
import { complain, printJson } from "./say.ts";
import { failureText, orNodeTrouble } from "./trouble.ts";
import { stateFolderOf, withSite } from "./with-site.ts";

/** `weir apply --last`: what was confirmed last, back into the kernel. For the start of a node. */
export async function applyLast(context: Context, options: ApplyCommandOptions): Promise<number> {
  const reader = stateReader(stateFolderOf(options));
  // nothing is written on a node that never had anything, whose disk may be read-only yet
  const isEmpty = await orNodeTrouble(async () => currentRecord(reader) === null);
  if (isEmpty) return nothing(context);
  return withSite(
    context,
    { ...options, command: "apply --last", flavour: options.iptables ?? null, waitMs: 10_000 },
    async (site, notes) => {
      refuseWhilePending(site);
      const record = lastConfirmed(site.state);
      if (record === null) return nothing(context);
      const result = await applyAgain(site, record);
      await site.progress("");
      return tell(context, record, result, notes);
    },
  );
}

async function nothing(context: Context): Promise<number> {
  const none = {
    node: null,
    backend: null,
    result: "nothing",
    generation: null,
    steps: [],
    failure: null,
    restore: null,
  };
  if (context.json) await printJson(context, { ...none, notes: [] });
  else await remark(context, "nothing was confirmed on this node: nothing to put back");
  return exitCodes.ok;
}

async function tell(
  context: Context,
  { node, backend, generation }: GenerationRecord,
  result: AgainResult,
  notes: readonly string[],
): Promise<number> {
  const isDone = result.kind === "unchanged" || result.kind === "applied";
  if (context.json) {
    const steps = result.kind === "applied" ? jsonSteps(result.steps) : [];
    const failure = isDone ? null : result.failure;
    const restore = result.kind === "broken" ? result.restore : null;
    await printJson(context, { node, backend, result: result.kind, generation, steps, failure, restore, notes });
  } else if (result.kind === "unchanged") {
    await remark(context, `${node}: nothing to do, the kernel holds generation ${generation} (${backend})`);
  } else if (result.kind === "applied") {
    await remark(context, `${node}: generation ${generation} is back (${backend}), ${sizeOf(result.steps)}`);
  } else {
    await complain(context, failureText(result.failure));
    const restore = result.kind === "broken" ? ` not wholly: ${failureText(result.restore)}` : "";
    await context.io.stderr.write(`${node}: the state before is restored${restore}\n`);
  }
  if (isDone) return exitCodes.ok;
  return result.kind === "broken" ? exitCodes.notRolledBack : exitCodes.failed;
}
