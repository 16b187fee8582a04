import { performance } from "node:perf_hooks";
import { type Context, distinctDiagnostics, report } from "../../compiler/cli/context.ts";
import { exitCodes, TroubleError, troubleFrom } from "../../compiler/cli/exit.ts";
import { jsonDiagnostic } from "../../compiler/diagnostics/render-json.ts";
import { hasErrors } from "../../compiler/index.ts";
import { formatSocket } from "../../compiler/net/socket.ts";
import { ProxyEngine } from "../proxy/engine.ts";
import { serveMetrics } from "../proxy/http.ts";
import { type ProxyMetrics, proxyMetrics } from "../proxy/metrics.ts";
import { nodeAddresses } from "../proxy/node-addresses.ts";
import type { Place } from "../proxy/places.ts";
import type { ListenMode } from "../proxy/plan.ts";
import { stateReader } from "../state/state.ts";
import { refuseWithoutPath } from "./options.ts";
import { follow, planOf } from "./proxy-follow.ts";
import { proxyLog } from "./proxy-log.ts";
import { listenModeOf, metricsPlaceOf, type ProxyCommandOptions, settingsOf } from "./proxy-options.ts";
import { jsonMapping, mappingLines, troubleText } from "./proxy-print.ts";
import { pathSource, stateSource, type Wanted } from "./proxy-source.ts";
import { printJson, warn } from "./say.ts";
import { stateFolderOf } from "./with-site.ts";

/** `weir proxy`: carries connections itself until a signal ends it. */
export async function proxy(context: Context, paths: readonly string[], options: ProxyCommandOptions): Promise<number> {
  const mode = listenModeOf(options);
  const at = metricsPlaceOf(options);
  // wrong usage is said before anything is read
  settingsOf(options, 0);
  if (paths.length === 0)
    refuseWithoutPath(options, "without PATH the proxy follows what is applied: these options need a PATH");
  const source =
    paths.length === 0
      ? stateSource(stateReader(stateFolderOf(options)))
      : pathSource(context, paths, options, mode.kind !== "rules");
  const signature = source.signature();
  const { wanted, diagnostics } = await source.load();
  const findings = distinctDiagnostics(diagnostics);
  if (wanted === null) {
    if (context.json) await printJson(context, { result: "refused", diagnostics: findings.map(jsonDiagnostic) });
    else await report(context, findings);
    return hasErrors(findings) ? exitCodes.failed : exitCodes.trouble;
  }
  if (!context.json) await report(context, findings);
  const log = proxyLog(options.log, (text) => void context.io.stderr.write(text).catch(() => {}));
  let metrics: ProxyMetrics | null = null;
  if (mode.kind !== "rules") await warnOfInterfaces(context, wanted);
  const places = planOf(wanted, mode, null).bindings.length;
  if (paths.length === 0) log("info", "following", { from: wanted.from });
  const engine = new ProxyEngine({
    settings: settingsOf(options, places),
    log,
    now: () => performance.now(),
    nodeAddresses: () => new Set(nodeAddresses().map(({ text }) => text)),
    onDial: (service, seconds) => metrics?.dialed(service, seconds),
  });
  const ended = untilSignal(engine, () => log("info", "draining", { clients: engine.admissions.count }));
  let closeMetrics = (): void => {};
  try {
    if (at !== null) {
      metrics = proxyMetrics(() => engine);
      const doing = `listen on ${formatSocket(at.address, at.port)} for --metrics`;
      const served = await serveMetrics(at, engine, metrics).catch((error: unknown) => {
        throw troubleFrom(error, doing);
      });
      closeMetrics = served.close;
    }
    await start(context, engine, wanted, mode);
  } catch (error) {
    closeMetrics();
    await engine.close();
    throw error;
  }
  const stop = follow({
    engine,
    source,
    mode,
    log,
    wanted,
    signature,
    reloaded: (result) => metrics?.reloaded(result),
  });
  await ended;
  stop();
  closeMetrics();
  return exitCodes.ok;
}

async function start(context: Context, engine: ProxyEngine, wanted: Wanted, mode: ListenMode): Promise<void> {
  const places = await engine.take(planOf(wanted, mode, null));
  const failed = places.filter(({ port }) => port === null);
  const text = (place: Place) => troubleText(place, wanted.whereOf(place.binding.key));
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

/** Rules see the interface that a packet came in by, sockets do not. */
async function warnOfInterfaces(context: Context, { tables }: Wanted): Promise<void> {
  const detectors = tables.flatMap(({ pods }) => [pods.ipv4, pods.ipv6]);
  if (!detectors.some(({ kind }) => kind === "interface" || kind === "interface-prefix")) return;
  await warn(
    context,
    "pods are told by their interface here, which a proxy without rules cannot see: none counts as a pod",
  );
}

/** The first signal lets connections end in their time, the second ends them. */
function untilSignal(engine: ProxyEngine, draining: () => void): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      if (engine.isClosing) {
        engine.abort();
        return;
      }
      const closed = engine.close();
      if (engine.connections > 0) draining();
      void closed.then(() => {
        process.off("SIGINT", stop).off("SIGTERM", stop);
        resolve();
      });
    };
    process.on("SIGINT", stop).on("SIGTERM", stop);
  });
}
