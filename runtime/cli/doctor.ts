import { type Context, distinctDiagnostics, report } from "../../compiler/cli/context.ts";
import { exitCodes, TroubleError } from "../../compiler/cli/exit.ts";
import { visibleLines } from "../../compiler/diagnostics/visible.ts";
import type { Desired } from "../desired/desired.ts";
import { examine, usualBackend } from "../doctor/examine.ts";
import { printDoctor } from "../doctor/print.ts";
import { isUnmet, jsonDoctor } from "../doctor/report.ts";
import type { Host } from "../host/host.ts";
import { linuxHost } from "../host/linux-host.ts";
import type { Probe } from "../preflight/probe.ts";
import { type DesiredOptions, loadDesired } from "./desired.ts";
import { nodeProbe } from "./node-probe.ts";
import { backendNamed, refuseWithoutPath } from "./options.ts";
import { printJson } from "./say.ts";
import { orNodeTrouble } from "./trouble.ts";

export interface DoctorOptions extends DesiredOptions {
  readonly backend?: string;
}

/** `weir doctor`: what this node can do, and what an artifact or a spec lacks here. */
export async function doctor(context: Context, paths: readonly string[], options: DoctorOptions): Promise<number> {
  if (paths.length === 0) {
    refuseWithoutPath(options, "these options are about an artifact or a spec: name one with PATH");
  }
  const found = await orNodeTrouble(async () => {
    const host = linuxHost();
    const probe = await nodeProbe();
    const desired = paths.length === 0 ? null : await loadSubject(context, paths, options, host, probe);
    return examine(host, probe, desired);
  });
  if (context.json) await printJson(context, jsonDoctor(found));
  else if (!context.quiet) await context.io.stdout.write(visibleLines(printDoctor(found)));
  return isUnmet(found) ? exitCodes.failed : exitCodes.ok;
}

async function loadSubject(
  context: Context,
  paths: readonly string[],
  options: DoctorOptions,
  host: Host,
  probe: Probe,
): Promise<Desired> {
  const wanted = options.backend === undefined ? null : backendNamed(options.backend);
  const { desired, diagnostics } = await loadDesired(
    context,
    paths,
    options,
    (available) => wanted ?? usualBackend(host, probe, available),
  );
  if (!context.json || desired === null) await report(context, distinctDiagnostics(diagnostics));
  if (desired === null) throw new TroubleError("the spec has errors, so there is nothing to look at");
  return desired;
}
