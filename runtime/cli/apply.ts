import { type Context, distinctDiagnostics, remark, report } from "../../compiler/cli/context.ts";
import { exitCodes, UsageError } from "../../compiler/cli/exit.ts";
import { jsonDiagnostic } from "../../compiler/diagnostics/render-json.ts";
import { hasErrors } from "../../compiler/index.ts";
import { type ApplyResult, applyDesired } from "../apply/apply.ts";
import type { PlannedStep } from "../apply/plan.ts";
import type { Desired } from "../desired/desired.ts";
import { stateReader } from "../state/state.ts";
import { applyLast } from "./apply-last.ts";
import { awaitProxy, silenceOf } from "./await-proxy.ts";
import { carriedBackend, chooserOf } from "./choose-backend.ts";
import { type DesiredOptions, type LoadedDesired, loadDesired } from "./desired.ts";
import { dryRun } from "./dry-run.ts";
import { formatDuration, parseDuration } from "./duration.ts";
import { forgetNodeProbe } from "./node-probe.ts";
import { jsonSteps, sizeOf } from "./operations.ts";
import { backendNamed, refuseWithoutPath } from "./options.ts";
import { preflightNode } from "./preflight.ts";
import { refuseOtherNode, refuseWhilePending } from "./refuse.ts";
import { complain, printJson, warn } from "./say.ts";
import { failureText } from "./trouble.ts";
import { VerifyError, verifyChange } from "./verify-change.ts";
import { type StateOptions, stateFolderOf, withSite } from "./with-site.ts";

export interface ApplyCommandOptions extends DesiredOptions, StateOptions {
  readonly backend: string;
  readonly fallback: boolean;
  readonly dryRun?: boolean;
  readonly confirm?: string;
  readonly last?: boolean;
  readonly iptables?: "nft" | "legacy";
  readonly drainTimeout: string;
  readonly readAll?: boolean;
}

/** `weir apply`: what was compiled or is specified, to the kernel. */
export async function apply(context: Context, paths: readonly string[], options: ApplyCommandOptions): Promise<number> {
  if (options.last === true) {
    if (paths.length > 0) throw new UsageError("--last puts back what was applied: it takes no PATH");
    if (options.dryRun === true || options.confirm !== undefined) {
      throw new UsageError("--last excludes --dry-run and --confirm");
    }
    refuseWithoutPath(
      { ...options, backend: options.backend === "auto" ? undefined : options.backend },
      "--last puts back what was applied, for the node and backend that it was applied for: it takes no options about them",
    );
    return applyLast(context, options);
  }
  if (paths.length === 0) throw new UsageError("name an artifact or a spec, or use --last");
  const backend = options.backend === "auto" ? "auto" : backendNamed(options.backend);
  const confirmSeconds = options.confirm === undefined ? null : parseDuration("--confirm", options.confirm, 1);
  const drainSeconds = parseDuration("--drain-timeout", options.drainTimeout, 0);
  const warnings: string[] = [];
  forgetNodeProbe();
  const carried = carriedBackend(stateReader(stateFolderOf(options)));
  const choose = chooserOf(backend, options.fallback, carried, (text) => warnings.push(text));
  const loaded = await loadDesired(context, paths, options, choose);
  for (const text of warnings) await warn(context, text);
  const { desired, ir } = loaded;
  if (desired === null) return refuse(context, loaded);
  if (!context.json) await report(context, distinctDiagnostics(loaded.diagnostics));
  const extra = { diagnostics: distinctDiagnostics(loaded.diagnostics).map(jsonDiagnostic), warnings };
  if (options.dryRun === true) return dryRun(context, desired, options, extra);
  const applied = withSite(
    context,
    { ...options, command: "apply", flavour: options.iptables ?? null, waitMs: 0 },
    async (site, notes) => {
      refuseWhilePending(site);
      if (options.node === undefined) refuseOtherNode(site, desired);
      const look = async (known: string | null, planned: readonly PlannedStep[]): Promise<string> => {
        if (ir !== null) await verifyChange(context, ir, desired, planned);
        return preflightNode(context, site, desired, known, (text) => warnings.push(text));
      };
      const readsAll = options.readAll === true;
      const ready = () => awaitProxy(site.host, site.state, desired);
      const result = await applyDesired(site, desired, {
        confirmSeconds,
        drainSeconds,
        readsAll,
        preflight: look,
        ready,
      });
      await site.progress("");
      const isThere = result.kind === "applied" || result.kind === "unchanged";
      const silence = isThere && desired.backend === "userspace" ? await silenceOf(site.host, desired) : null;
      if (silence !== null) warnings.push(silence);
      if (silence !== null) await warn(context, silence);
      return tell(context, desired, result, { ...extra, notes, drainSeconds });
    },
  );
  return applied.catch((error: unknown) => refuseUnproved(context, extra, error));
}

/** Rules that do not do what the spec says reach no kernel. */
async function refuseUnproved(context: Context, extra: object, error: unknown): Promise<number> {
  if (!(error instanceof VerifyError)) throw error;
  if (context.json) await printJson(context, { result: "refused", failure: error.message, ...extra });
  else await complain(context, error.message);
  return exitCodes.failed;
}

/** A spec with errors is refused as `weir compile` refuses it; the kernel is as before. */
async function refuse(context: Context, { diagnostics }: LoadedDesired): Promise<number> {
  const findings = distinctDiagnostics(diagnostics);
  if (context.json) await printJson(context, { result: "refused", diagnostics: findings.map(jsonDiagnostic) });
  else await report(context, findings);
  return hasErrors(findings) ? exitCodes.failed : exitCodes.trouble;
}

interface Told {
  readonly diagnostics: readonly unknown[];
  readonly warnings: readonly string[];
  readonly notes: readonly string[];
  readonly drainSeconds: number;
}

async function tell(context: Context, desired: Desired, result: ApplyResult, told: Told): Promise<number> {
  const { node, backend } = desired;
  if (context.json) {
    const steps = result.kind === "applied" ? jsonSteps(result.steps) : [];
    const rest = {
      confirmSeconds: result.kind === "applied" ? result.confirmSeconds : null,
      waiting: result.kind === "applied" ? result.waiting : 0,
      failure: "failure" in result ? result.failure : null,
      restore: "restore" in result ? result.restore : null,
      notes: [...told.notes, ...(result.kind === "applied" ? result.remarks : [])],
      warnings: told.warnings,
      diagnostics: told.diagnostics,
    };
    await printJson(context, { node, backend, result: result.kind, generation: result.generation, steps, ...rest });
  } else {
    await tellPeople(context, desired, result, told.drainSeconds);
  }
  if (result.kind === "rolled-back") return exitCodes.failed;
  return result.kind === "broken" ? exitCodes.notRolledBack : exitCodes.ok;
}

async function tellPeople(
  context: Context,
  { node, backend }: Desired,
  result: ApplyResult,
  drainSeconds: number,
): Promise<void> {
  const generation = `generation ${result.generation}`;
  switch (result.kind) {
    case "unchanged":
      return remark(context, `${node}: nothing to do, the kernel holds ${generation} (${backend})`);
    case "applied":
      await remark(context, `${node}: ${generation} applied (${backend}), ${sizeOf(result.steps)}`);
      for (const text of result.remarks) await warn(context, text);
      if (result.waiting > 0) {
        const objects = result.waiting === 1 ? "1 object stays" : `${result.waiting} objects stay`;
        await remark(context, `${objects} until the connections to it end, ${formatDuration(drainSeconds)} at most`);
      }
      if (result.confirmSeconds === null) return;
      return remark(
        context,
        `the state before comes back in ${formatDuration(result.confirmSeconds)} unless you run: weir confirm`,
      );
    case "rolled-back":
      await complain(context, failureText(result.failure));
      return remark(context, `${node}: the state before is restored, ${generation} was not applied`);
    case "broken":
      await complain(context, failureText(result.failure));
      await complain(
        context,
        `the state before could not be restored wholly: ${failureText(result.restore)}\n` +
          "weir status shows what is there; weir rollback tries again, another weir apply goes on from here",
      );
  }
}
