import type { BackendName } from "../../compiler/backends/backend.ts";
import { type Context, distinctDiagnostics, report } from "../../compiler/cli/context.ts";
import { exitCodes, TroubleError } from "../../compiler/cli/exit.ts";
import { visibleLines } from "../../compiler/diagnostics/visible.ts";
import type { Desired } from "../desired/desired.ts";
import { linuxHost } from "../host/linux-host.ts";
import { currentRecord, type StateReader, stateReader } from "../state/state.ts";
import { jsonStatus } from "../status/json.ts";
import { type PrintedCommands, printStatus } from "../status/print.ts";
import { readStatus, type Status } from "../status/status.ts";
import { type ChooseBackend, type DesiredOptions, loadDesired } from "./desired.ts";
import { backendNamed, refuseWithoutPath } from "./options.ts";
import { printJson } from "./say.ts";
import { orNodeTrouble } from "./trouble.ts";
import { type StateOptions, stateFolderOf } from "./with-site.ts";

export interface StatusOptions extends DesiredOptions, StateOptions {
  readonly backend?: string;
}

/** `weir status`: how the kernel differs from what was applied, or from what is given. */
export async function status(context: Context, paths: readonly string[], options: StatusOptions): Promise<number> {
  const state = stateReader(stateFolderOf(options));
  if (paths.length === 0) {
    refuseWithoutPath(options, "without PATH the kernel is compared with what was applied: other options need a PATH");
  }
  const given = paths.length === 0 ? null : await loadGiven(context, paths, options, state);
  const found = await orNodeTrouble(() => readStatus(linuxHost(), state, given));
  if (context.json) await printJson(context, jsonStatus(found));
  else if (!context.quiet)
    await context.io.stdout.write(visibleLines(printStatus(found, commandsFor(paths, options, found))));
  return found.state === "drift" ? exitCodes.failed : exitCodes.ok;
}

/** What to type so that `apply` means the same as this status: it would choose a backend itself, and take its own folder. */
function commandsFor(paths: readonly string[], options: StatusOptions, { against }: Status): PrintedCommands {
  const { state, node, nodeAddress, nodePods, nodeZone, stdinName } = options;
  const listed = (name: string, values: readonly string[] | undefined): readonly string[] =>
    (values ?? []).flatMap((value) => [name, value]);
  const folder = state === undefined ? [] : ["--state", state];
  const words = [
    ...paths,
    ...listed("--node", node),
    ...listed("--node-address", nodeAddress),
    ...listed("--node-pods", nodePods),
    ...(nodeZone === undefined ? [] : ["--node-zone", nodeZone]),
    ...(stdinName === undefined ? [] : ["--stdin-name", stdinName]),
    ...(against === null ? [] : ["--backend", against.backend]),
    ...folder,
  ];
  return {
    apply: paths.length === 0 ? null : ["weir apply", ...words.map(quoted)].join(" "),
    options: folder.map((word) => ` ${quoted(word)}`).join(""),
  };
}

/** A word as a shell reads it. */
function quoted(word: string): string {
  return /^[\w./:,@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

async function loadGiven(
  context: Context,
  paths: readonly string[],
  options: StatusOptions,
  state: StateReader,
): Promise<Desired> {
  const { desired, diagnostics } = await loadDesired(context, paths, options, chooser(options.backend, state));
  if (!context.json || desired === null) await report(context, distinctDiagnostics(diagnostics));
  if (desired === null) throw new TroubleError("the spec has errors, so there is nothing to compare the kernel with");
  return desired;
}

/** The one that was asked for; else what the node runs; else the only one there is. */
function chooser(wanted: string | undefined, state: StateReader): ChooseBackend {
  const backend = wanted === undefined ? null : backendNamed(wanted);
  return async (available): Promise<BackendName> => {
    if (backend !== null) return backend;
    const applied = await orNodeTrouble(async () => currentRecord(state)?.backend);
    const [only] = available.length === 1 ? available : available.filter((name) => name === applied);
    if (only !== undefined) return only;
    throw new TroubleError("nothing is applied here that says which backend is meant: name it with --backend");
  };
}
