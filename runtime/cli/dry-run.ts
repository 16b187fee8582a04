import type { Context } from "../../compiler/cli/context.ts";
import { exitCodes } from "../../compiler/cli/exit.ts";
import { loadPlanes } from "../apply/load-planes.ts";
import { operationsOf, planSteps } from "../apply/plan.ts";
import { type BoundPlane, type PlaneView, planeOf } from "../apply/planes.ts";
import { knownArtifacts, observeAll, type Views } from "../apply/site.ts";
import type { Applied, Desired } from "../desired/desired.ts";
import { HostError } from "../host/error.ts";
import { linuxHost } from "../host/linux-host.ts";
import type { PlaneName } from "../planes/plane.ts";
import { StateError } from "../state/error.ts";
import { currentRecord, type StateReader, stateReader } from "../state/state.ts";
import { jsonSteps, operationLines, sizeOf } from "./operations.ts";
import { printJson } from "./say.ts";
import { orNodeTrouble } from "./trouble.ts";
import { type StateOptions, stateFolderOf } from "./with-site.ts";

export interface DryRunOptions extends StateOptions {
  readonly iptables?: "nft" | "legacy";
  readonly drainTimeout: string;
}

/** What a plan starts from, for people: the kernel itself, or what stands for it without privileges. */
interface Start {
  readonly views: Views;
  readonly against: string;
}

/** `weir apply --dry-run`: the operations of an apply, none of which is carried out, and nothing is written. */
export async function dryRun(
  context: Context,
  desired: Desired,
  options: DryRunOptions,
  extra: Readonly<Record<string, unknown>>,
): Promise<number> {
  return orNodeTrouble(async () => {
    const planes = await loadPlanes({ flavour: options.iptables ?? null });
    const { views, against } = await startOf(planes, stateReader(stateFolderOf(options)));
    const steps = await planSteps(planes, views, desired, { atOnce: false });
    const { node, backend } = desired;
    if (context.json) {
      await printJson(context, { node, backend, against, steps: jsonSteps(steps), ...extra });
      return exitCodes.ok;
    }
    const lines = operationLines(operationsOf(steps));
    const title = steps.length === 0 ? "nothing to do" : sizeOf(steps);
    await context.io.stdout.write(`${[`${node}: ${backend}, ${title} (from ${against})`, ...lines].join("\n")}\n`);
    return exitCodes.ok;
  });
}

async function startOf(planes: readonly BoundPlane[], state: StateReader): Promise<Start> {
  const known = readable(() => knownArtifacts(state), []);
  try {
    return { views: await observeAll({ host: linuxHost(), planes }, known), against: "the kernel" };
  } catch (error) {
    if (!(error instanceof HostError) || error.trouble !== "permission") throw error;
  }
  const record = readable(() => currentRecord(state), null);
  const applied = record === null ? null : readable(() => state.artifact(record), null);
  const against =
    applied === null || record === null
      ? "an empty kernel, because this user may not read the real one"
      : `generation ${record.generation}, because this user may not read the kernel`;
  return { views: await assumed(planes, applied), against };
}

async function assumed(planes: readonly BoundPlane[], applied: Applied | null): Promise<Views> {
  const views = new Map<PlaneName, PlaneView>();
  for (const plane of planes) {
    const isOwn = applied !== null && planeOf(applied.backend) === plane.name;
    views.set(plane.name, await plane.assume(isOwn ? applied : null));
  }
  return views;
}

/** A state folder that this user may not read says nothing. */
function readable<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof StateError) return otherwise;
    throw error;
  }
}
