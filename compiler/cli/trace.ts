import type { BackendName } from "../backends/backend.ts";
import type { Packet } from "../backends/packet.ts";
import { textsOf } from "../backends/text.ts";
import { type Diagnostic, hasErrors } from "../diagnostics/diagnostic.ts";
import { decide } from "../ir/decide.ts";
import type { NodeIr } from "../ir/ir.ts";
import { frontendOf } from "../ir/lookup.ts";
import { formatSocket } from "../net/socket.ts";
import { compileBackend, irOf } from "../pipeline.ts";
import { formatPlace } from "../source.ts";
import { disagreement, withMeantShares } from "../trace/agree.ts";
import { jsonTrace } from "../trace/json.ts";
import { parsePacket, parseSocket } from "../trace/packet-words.ts";
import { endpointsOf, sourcesIn } from "../trace/places.ts";
import { packetSentence, verdictSentence } from "../trace/reason.ts";
import { type EndpointPlaces, endpointLines, pathLines } from "../trace/render.ts";
import { type Before, openFiles, type Trace, traceOf, waysOf } from "../trace/trace.ts";
import { backendsOf } from "./backends.ts";
import { compiledAt } from "./compiled.ts";
import { type Context, remark, report, reportLeftOut } from "./context.ts";
import { exitCodes, UsageError } from "./exit.ts";
import { loadSpec } from "./load.ts";
import { chosenNodes, type NodeOptions } from "./nodes.ts";

export interface TraceOptions extends NodeOptions {
  readonly backend?: readonly string[];
  readonly stdinName?: string;
  readonly inputInterface?: string;
  readonly after?: string;
}

/** The words of a command line: inputs, and the packet that ends it. */
export interface Asked {
  readonly paths: readonly string[];
  readonly packet: Packet;
  readonly before: Before | null;
  /** null where the command line names none. */
  readonly backends: readonly BackendName[] | null;
  /** An array is wanted, however many answers there are. */
  readonly isList: boolean;
}

/** `weir trace`: where a packet goes, and through which rules. */
export async function trace(context: Context, words: readonly string[], options: TraceOptions): Promise<number> {
  const asked = askedIn(words, options);
  const compiled = compiledAt(asked.paths, options);
  if (compiled !== null) {
    return (await import("./trace-compiled.ts")).traceCompiled(context, compiled, asked, options);
  }
  const loaded = await loadSpec(asked.paths, options.stdinName ?? null, context.io);
  if (hasErrors(loaded.diagnostics)) return refuse(context, loaded.diagnostics);
  await reportLeftOut(context, loaded.diagnostics);
  if (loaded.spec.services.length === 0) await remark(context, "the inputs declare no service");
  const nodes = chosenNodes(loaded.spec, options);
  const [node, second] = nodes;
  if (node === undefined || second !== undefined) {
    const known = nodes.map(({ name }) => name);
    throw new UsageError(
      `name one node with --node NAME${options.node === undefined && known.length > 0 ? `: ${known.join(", ")}` : ""}`,
    );
  }
  const resolved = irOf(loaded.spec, node.name, node.overrides);
  if (hasErrors(resolved.diagnostics)) return refuse(context, resolved.diagnostics);
  const notes = resolved.diagnostics.filter(({ severity }) => severity === "note");
  if (!context.json) await report(context, notes);
  return traceSpec(context, resolved.ir, asked);
}

/** The meaning of the command line. Throws UsageError for what is no packet. */
export function askedIn(words: readonly string[], options: TraceOptions): Asked {
  const { paths, protocol, source, destination } = packetAtEnd(words);
  if (paths.length === 0) {
    throw new UsageError("needs PATH..., and a packet: weir trace shop.weir --node NAME tcp 10.244.1.5 10.96.0.10:80");
  }
  const packet = parsePacket({ protocol, source, destination }, options.inputInterface ?? null);
  if (!packet.ok) throw new UsageError(`${packet.reason}; the packet is PROTO SRC DST:PORT, after every PATH`);
  const before = options.after === undefined ? null : parseSocket(options.after);
  if (before !== null && !before.ok) throw new UsageError(`--after: ${before.reason}`);
  const backends = options.backend === undefined ? null : backendsOf(options.backend);
  const isList = options.backend?.some((value) => value.includes("all") || value.includes(",")) ?? false;
  return {
    paths,
    packet: packet.value,
    before: before?.value ?? null,
    backends,
    isList: isList || (backends?.length ?? 0) > 1,
  };
}

/** The packet is three words, or one as `expect` lines and answers write it: `tcp 10.244.1.5 -> 10.96.0.10:80`. */
function packetAtEnd(words: readonly string[]): {
  readonly paths: readonly string[];
  readonly protocol: string;
  readonly source: string;
  readonly destination: string;
} {
  const quoted = /^(\S+) +(\S+) +(?:-> +)?(\S+)$/.exec(words.at(-1)?.trim() ?? "");
  const [protocol = "", source = "", destination = ""] = quoted === null ? words.slice(-3) : quoted.slice(1);
  return { paths: words.slice(0, quoted === null ? -3 : -1), protocol, source, destination };
}

async function refuse(context: Context, diagnostics: readonly Diagnostic[]): Promise<number> {
  await report(
    context,
    diagnostics.filter(({ severity }) => severity === "error"),
  );
  return exitCodes.failed;
}

/** Without --backend: nftables, as `weir apply` chooses, or the first other one that can do what the spec says. */
export const preferredBackends = [
  "nftables",
  "iptables",
  "ipvs",
  "userspace",
] as const satisfies readonly BackendName[];

interface Traced {
  readonly traces: readonly Trace[];
  /** Where rules do not do what the spec means. */
  readonly bugs: readonly string[];
  /** What backends that cannot do what the spec says have against it. */
  readonly unable: readonly { readonly backend: BackendName; readonly diagnostics: readonly Diagnostic[] }[];
}

async function traceSpec(context: Context, ir: NodeIr, asked: Asked): Promise<number> {
  const { traces, bugs, unable } = await traceBackends(ir, asked);
  if (traces.length === 0) return refuse(context, unable[0]?.diagnostics ?? []);
  for (const { backend, diagnostics } of unable) {
    await remark(context, `${backend} cannot do what the spec says: ${diagnostics[0]?.message ?? ""}`);
  }
  const { packet } = asked;
  const frontend = frontendOf(ir, packet.destination, packet.protocol, packet.port);
  const decided = decide(ir, packet);
  const shown = traces.map((each) => withMeantShares(each, decided));
  if (context.json) {
    const documents = shown.map(jsonTrace);
    await context.io.stdout.write(`${JSON.stringify(asked.isList ? documents : documents[0], null, 2)}\n`);
  } else {
    const places: EndpointPlaces = new Map(
      (frontend === null ? [] : endpointsOf(frontend)).map((each) => [
        formatSocket(each.address, each.port),
        formatPlace(each.origin),
      ]),
    );
    await context.io.stdout.write(textOfTraces(ir, asked, shown, places));
  }
  for (const bug of bugs) {
    await context.io.stderr.write(`error: this is a bug in weir: ${bug}; please report it with the spec\n`);
  }
  return bugs.length === 0 ? exitCodes.ok : exitCodes.failed;
}

async function traceBackends(ir: NodeIr, asked: Asked): Promise<Traced> {
  const traces: Trace[] = [];
  const bugs: string[] = [];
  const unable: { backend: BackendName; diagnostics: readonly Diagnostic[] }[] = [];
  for (const backend of asked.backends ?? preferredBackends) {
    const found = await traceBackend(ir, backend, asked);
    if ("diagnostics" in found) unable.push(found);
    else {
      traces.push(found.trace);
      if (found.bug !== null) bugs.push(found.bug);
    }
    if (asked.backends === null && traces.length === 1) return { traces, bugs, unable: [] };
  }
  return { traces, bugs, unable };
}

/** Through the text that would be applied, read back. */
async function traceBackend(
  ir: NodeIr,
  backend: BackendName,
  { packet, before }: Asked,
): Promise<
  | { readonly trace: Trace; readonly bug: string | null }
  | { readonly backend: BackendName; readonly diagnostics: readonly Diagnostic[] }
> {
  const { files, diagnostics } = await compileBackend(ir, backend);
  if (hasErrors(diagnostics)) return { backend, diagnostics };
  const simulator = await openFiles(backend, textsOf(files), { nodeAddresses: ir.node.addresses });
  const frontend = frontendOf(ir, packet.destination, packet.protocol, packet.port);
  const ways = waysOf(simulator, packet, before);
  if (ways === null) throw unreachedError(before, packet);
  const trace = traceOf(backend, ways, sourcesIn(ir, frontend), () => frontend?.key ?? null);
  return { trace, bug: disagreement(ir, backend, packet, ways, before !== null) };
}

export function unreachedError(before: Before | null, packet: Packet): UsageError {
  const where = before === null ? "" : formatSocket(before.address, before.port);
  return new UsageError(`--after: no connection of ${packet.source.text} reaches ${where}`);
}

function textOfTraces(ir: NodeIr, asked: Asked, traces: readonly Trace[], places: EndpointPlaces): string {
  const { packet } = asked;
  const frontend = frontendOf(ir, packet.destination, packet.protocol, packet.port);
  const sentence = verdictSentence(ir, packet, frontend, decide(ir, packet));
  const again =
    asked.before === null
      ? []
      : [`  after a connection of the same client to ${formatSocket(asked.before.address, asked.before.port)}:`];
  const lines = [packetSentence(ir, packet), `  ${sentence}`, ...again, ...endpointLines(traces, places)];
  for (const each of traces) lines.push("", `${each.backend}:`, ...pathLines(each));
  return `${lines.join("\n")}\n`;
}
