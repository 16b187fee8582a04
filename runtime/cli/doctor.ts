import { backendNames } from "../../compiler/backends/registry.ts";
import { type Context, distinctDiagnostics, report } from "../../compiler/cli/context.ts";
import { exitCodes, TroubleError, UsageError } from "../../compiler/cli/exit.ts";
import type { Desired } from "../desired/desired.ts";
import { examine, usualBackend } from "../doctor/examine.ts";
import { printDoctor } from "../doctor/print.ts";
import { isUnmet, jsonDoctor } from "../doctor/report.ts";
import type { Host } from "../host/host.ts";
import { linuxHost } from "../host/linux-host.ts";
import type { Probe } from "../preflight/probe.ts";
import { type DesiredOptions, loadDesired } from "./desired.ts";
import { nodeProbe } from "./node-probe.ts";
import { orNodeTrouble } from "./trouble.ts";
import { printJson } from "./with-site.ts";

export interface DoctorOptions extends DesiredOptions {
  readonly backend?: string;
}

/** `weir doctor`: what this node can do, and what an artifact or a spec lacks here. */
export async function doctor(context: Context, paths: readonly string[], options: DoctorOptions): Promise<number> {
  if (paths.length === 0) refuseWithoutPaths(options);
  const found = await orNodeTrouble(async () => {
    const host = linuxHost();
    const probe = await nodeProbe();
    const desired = paths.length === 0 ? null : await loadSubject(context, paths, options, host, probe);
    return examine(host, probe, desired);
  });
  if (context.json) await printJson(context, jsonDoctor(found));
  else if (!context.quiet) await context.io.stdout.write(printDoctor(found));
  return isUnmet(found) ? exitCodes.failed : exitCodes.ok;
}

function refuseWithoutPaths({ backend, node, nodeAddress, nodePods, nodeZone, stdinName }: DoctorOptions): void {
  const given = [backend, node, nodeAddress, nodePods, nodeZone, stdinName].some((option) => option !== undefined);
  if (given) throw new UsageError("these options are about an artifact or a spec: name one with PATH");
}

async function loadSubject(
  context: Context,
  paths: readonly string[],
  options: DoctorOptions,
  host: Host,
  probe: Probe,
): Promise<Desired> {
  const wanted = backendNames.find((name) => name === options.backend);
  if (options.backend !== undefined && wanted === undefined) {
    throw new UsageError(
      `--backend: there is no backend ${JSON.stringify(options.backend)}; use ${backendNames.join(", ")}`,
    );
  }
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
