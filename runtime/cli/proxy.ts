import { performance } from "node:perf_hooks";
import { type Context, distinctDiagnostics, report } from "../../compiler/cli/context.ts";
import { exitCodes, TroubleError, UsageError } from "../../compiler/cli/exit.ts";
import { jsonDiagnostic } from "../../compiler/diagnostics/render-json.ts";
import { hasErrors } from "../../compiler/index.ts";
import { ProxyEngine } from "../proxy/engine.ts";
import { nodeAddresses } from "../proxy/node-addresses.ts";
import type { Place } from "../proxy/places.ts";
import { type ListenMode, planProxy } from "../proxy/plan.ts";
import { proxyLog } from "./proxy-log.ts";
import { listenModeOf, type ProxyCommandOptions, settingsOf } from "./proxy-options.ts";
import { jsonMapping, mappingLines, troubleText } from "./proxy-print.ts";
import { type LoadedTable, loadTable } from "./proxy-table.ts";
import { printJson, warn } from "./say.ts";

/** `weir proxy`: carries connections itself until a signal ends it. */
export async function proxy(context: Context, paths: readonly string[], options: ProxyCommandOptions): Promise<number> {
  if (paths.length === 0) throw new UsageError("name a spec, an artifact or a proxy.json");
  const mode = listenModeOf(options);
  const settings = settingsOf(options);
  const loaded = await loadTable(context, paths, options, mode.kind !== "rules");
  const findings = distinctDiagnostics(loaded.diagnostics);
  if (loaded.table === null) {
    if (context.json) await printJson(context, { result: "refused", diagnostics: findings.map(jsonDiagnostic) });
    else await report(context, findings);
    return hasErrors(findings) ? exitCodes.failed : exitCodes.trouble;
  }
  if (!context.json) await report(context, findings);
  const log = proxyLog(options.log, (text) => void context.io.stderr.write(text).catch(() => {}));
  const engine = new ProxyEngine({
    settings,
    log,
    now: () => performance.now(),
    nodeAddresses: () => new Set(nodeAddresses().map(({ text }) => text)),
  });
  const ended = untilSignal(engine);
  try {
    await start(context, engine, loaded, mode);
  } catch (error) {
    await engine.close();
    throw error;
  }
  await ended;
  return exitCodes.ok;
}

async function start(context: Context, engine: ProxyEngine, loaded: LoadedTable, mode: ListenMode): Promise<void> {
  if (loaded.table === null) return;
  const places = await engine.take(planProxy(loaded.table, mode, nodeAddresses()));
  const failed = places.filter(({ port }) => port === null);
  const text = (place: Place) => troubleText(place, loaded.whereOf(place.binding.key));
  if (places.length > 0 && failed.length === places.length) throw new TroubleError(failed.map(text).join("\n"));
  for (const place of failed) await warn(context, text(place));
  if (context.json) await printJson(context, jsonMapping(places));
  else
    await context.io.stdout.write(
      mappingLines(places)
        .map((line) => `${line}\n`)
        .join(""),
    );
}

/** The first signal lets connections end in their time, the second ends them. */
function untilSignal(engine: ProxyEngine): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      if (engine.isClosing) {
        engine.abort();
        return;
      }
      void engine.close().then(() => {
        process.off("SIGINT", stop).off("SIGTERM", stop);
        resolve();
      });
    };
    process.on("SIGINT", stop).on("SIGTERM", stop);
  });
}
