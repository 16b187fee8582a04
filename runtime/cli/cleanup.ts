import type { BackendName } from "../../compiler/backends/backend.ts";
import { backendsOf } from "../../compiler/cli/backends.ts";
import { type Context, remark } from "../../compiler/cli/context.ts";
import { exitCodes, TroubleError } from "../../compiler/cli/exit.ts";
import { cleanUp } from "../apply/cleanup.ts";
import { Differs, failureOf } from "../apply/failure.ts";
import { loadPlanes } from "../apply/load-planes.ts";
import { operationsOf, type PlannedStep, planRemoval } from "../apply/plan.ts";
import { planeOf } from "../apply/planes.ts";
import { knownArtifacts, observeAll } from "../apply/site.ts";
import { linuxHost } from "../host/linux-host.ts";
import type { PlaneName } from "../planes/plane.ts";
import { stateReader } from "../state/state.ts";
import { jsonSteps, operationLines, sizeOf } from "./operations.ts";
import { printJson } from "./say.ts";
import { failureText, orNodeTrouble } from "./trouble.ts";
import { type StateOptions, stateFolderOf, withSite } from "./with-site.ts";

export interface CleanupOptions extends StateOptions {
  readonly backend?: readonly string[];
  readonly dryRun?: boolean;
}

/** `weir cleanup`: everything of weir's away, and nothing else. */
export async function cleanup(context: Context, options: CleanupOptions): Promise<number> {
  const backends = backendsOf(options.backend);
  const names = [...new Set(backends.map(planeOf))];
  if (options.dryRun === true) return dryRun(context, options, backends, names);
  const settings = { ...options, command: "cleanup", flavour: null, waitMs: 10_000 };
  return withSite(context, settings, async (site, notes) => {
    const steps = await cleanUp(site, names).catch((error: unknown) => {
      if (error instanceof Differs) throw new TroubleError(failureText(failureOf(error)));
      throw error;
    });
    await site.progress("");
    if (context.json) await printJson(context, { backends, steps: jsonSteps(steps), notes });
    else await remark(context, sentence(steps, backends));
    return exitCodes.ok;
  });
}

function sentence(steps: readonly PlannedStep[], backends: readonly BackendName[]): string {
  const what = backends.join(", ");
  return steps.length === 0
    ? `nothing of weir's was there (${what})`
    : `removed what was weir's (${what}): ${sizeOf(steps)}`;
}

async function dryRun(
  context: Context,
  options: CleanupOptions,
  backends: readonly BackendName[],
  names: readonly PlaneName[],
): Promise<number> {
  return orNodeTrouble(async () => {
    const planes = (await loadPlanes({ flavour: null })).filter(({ name }) => names.includes(name));
    const known = knownArtifacts(stateReader(stateFolderOf(options)));
    const steps = await planRemoval(planes, await observeAll({ host: linuxHost(), planes }, known));
    if (context.json) {
      await printJson(context, { backends, steps: jsonSteps(steps), notes: [] });
    } else {
      const title = steps.length === 0 ? "nothing of weir's is there" : `would remove: ${sizeOf(steps)}`;
      await context.io.stdout.write(`${[title, ...operationLines(operationsOf(steps))].join("\n")}\n`);
    }
    return exitCodes.ok;
  });
}
