import { declarationOf } from "../artifact/read-sources.ts";
import type { BackendName } from "../backends/backend.ts";
import { packetWords } from "../backends/outcome-words.ts";
import { visible } from "../diagnostics/visible.ts";
import { formatSocket } from "../net/socket.ts";
import { jsonTrace } from "../trace/json.ts";
import { endpointLines, pathLines } from "../trace/render.ts";
import { openFiles, type SourceOf, type Trace, traceOf, waysOf } from "../trace/trace.ts";
import { type Compiled, orForeign } from "./compiled.ts";
import { type Context, remark } from "./context.ts";
import { exitCodes, UsageError } from "./exit.ts";
import { addressesOption, type NodeOptions } from "./nodes.ts";
import { type Asked, preferredBackends, unreachedError } from "./trace.ts";

/**
 * A trace through a compiled folder. It tells what the rules do, and not what they should: there is no spec to hold
 * them against. The node's own addresses are those that it was compiled with, or those of the command line.
 */
export async function traceCompiled(
  context: Context,
  compiled: readonly Compiled[],
  asked: Asked,
  options: NodeOptions,
): Promise<number> {
  const [folder, second] = compiled;
  if (folder === undefined || second !== undefined) {
    throw new UsageError(`name one node with --node NAME: ${compiled.map(({ node }) => node).join(", ")}`);
  }
  const nodeAddresses = addressesOption(options) ?? folder.addresses;
  if (nodeAddresses.length === 0) {
    await remark(context, `${folder.path} tells no address of the node: give them with --node-address`);
  }
  const traces: Trace[] = [];
  for (const backend of backendsFor(folder, asked.backends)) {
    traces.push(
      await orForeign(folder, async () => {
        const simulator = await openFiles(backend, folder.filesOf(backend), { nodeAddresses });
        const ways = waysOf(simulator, asked.packet, asked.before);
        if (ways === null) throw unreachedError(asked.before, asked.packet);
        return traceOf(backend, ways, sourcesIn(folder), (keys) => lastService(folder, keys));
      }),
    );
  }
  if (context.json) {
    const documents = traces.map(jsonTrace);
    await context.io.stdout.write(`${JSON.stringify(asked.isList ? documents : documents[0], null, 2)}\n`);
  } else {
    await context.io.stdout.write(textOf(folder, asked, traces));
  }
  const verdicts = new Set(traces.map(({ verdict }) => verdict));
  if (verdicts.size === 1) return exitCodes.ok;
  const list = traces.map(({ backend, verdict }) => `${backend} ${verdict}`).join(", ");
  await context.io.stderr.write(`error: the backends of ${visible(folder.path)} differ: ${list}\n`);
  return exitCodes.failed;
}

function backendsFor(folder: Compiled, wanted: readonly BackendName[] | null): readonly BackendName[] {
  if (wanted === null) {
    const first = preferredBackends.find((backend) => folder.backends.includes(backend));
    if (first === undefined) throw new UsageError(`${folder.path} was compiled for no backend`);
    return [first];
  }
  const able = wanted.filter((backend) => folder.backends.includes(backend));
  if (able.length > 0) return able;
  throw new UsageError(`${folder.path} was compiled for ${folder.backends.join(", ")}, not for ${wanted.join(", ")}`);
}

function sourcesIn({ sources }: Compiled): SourceOf {
  return ({ key }) => (key === null ? null : declarationOf(sources, key));
}

/** Comments that are no keys, on rules that serve all, say what those do. */
function lastService({ sources }: Compiled, keys: readonly string[]): string | null {
  return keys.filter((key) => declarationOf(sources, key) !== null).at(-1) ?? null;
}

const verdictWords = { drop: "is dropped", reject: "is rejected", pass: "is for no service" } as const;

function textOf(folder: Compiled, asked: Asked, traces: readonly Trace[]): string {
  const [first] = traces;
  const service = first?.service ?? null;
  const where =
    service === null ? "" : `${service} (${declarationOf(folder.sources, service) ?? "not in sources.json"})`;
  const words =
    first === undefined || first.verdict === "endpoints"
      ? `reaches ${where === "" ? "endpoints" : where}`
      : `${verdictWords[first.verdict]}${where === "" ? "" : `: ${where}`}`;
  const again =
    asked.before === null
      ? []
      : [`  after a connection of the same client to ${formatSocket(asked.before.address, asked.before.port)}:`];
  const lines = [
    visible(`${packetWords(asked.packet)} on ${folder.node}, by the rules in ${folder.path}`),
    visible(`  ${words}`),
    ...again,
    ...endpointLines(traces, new Map()),
  ];
  for (const each of traces) lines.push("", `${each.backend}:`, ...pathLines(each));
  return `${lines.join("\n")}\n`;
}
