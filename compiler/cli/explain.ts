import { existsSync } from "node:fs";
import { declarationOf } from "../artifact/read-sources.ts";
import type { BackendName } from "../backends/backend.ts";
import { textOf } from "../backends/text.ts";
import { type Diagnostic, hasErrors } from "../diagnostics/diagnostic.ts";
import { visible } from "../diagnostics/visible.ts";
import type { NodeIr } from "../ir/ir.ts";
import { compileBackend, irOf } from "../pipeline.ts";
import {
  type Explanation,
  explainIn,
  joined,
  type Query,
  queryOf,
  type Ruleset,
  suggestionsFor,
} from "../trace/explain.ts";
import { type Attached, attachedIn, explainJson, explainText } from "../trace/explain-text.ts";
import { backendsOf } from "./backends.ts";
import { type Compiled, compiledAt } from "./compiled.ts";
import { type Context, distinctDiagnostics, report, reportLeftOut } from "./context.ts";
import { exitCodes, UsageError } from "./exit.ts";
import { loadSpec } from "./load.ts";
import { chosenNodes, type NodeOptions } from "./nodes.ts";

export interface ExplainOptions extends NodeOptions {
  readonly backend?: readonly string[];
  readonly stdinName?: string;
}

/** All rules that a name may be in, and what is known of service ports. */
interface Searched {
  readonly rulesets: readonly Ruleset[];
  attached(key: string): Attached | null;
  /** What the bits of packet marks mean, on every backend. */
  readonly marks: ReadonlyMap<number, string>;
}

/** `weir explain`: from a name that is seen in the kernel back to the service and its line. */
export async function explain(
  context: Context,
  word: string,
  rest: readonly string[],
  options: ExplainOptions,
): Promise<number> {
  const { name, paths } = wordsMeant([word, ...rest]);
  if (paths.length === 0) throw new UsageError("needs a name, then PATH...: weir explain WEIR-SERVICES shop.weir");
  const backends = backendsOf(options.backend);
  const [path = ""] = paths;
  if (existsSync(name) && !existsSync(path) && path !== "-") {
    throw new UsageError(`the name comes first, then PATH...: weir explain ${path} ${name}`);
  }
  const compiled = compiledAt(paths, options);
  const searched =
    compiled === null ? await searchSpec(context, paths, backends, options) : searchCompiled(compiled, backends);
  if (searched === null) return exitCodes.failed;
  const query = queryOf(name);
  const found = joined(
    searched.rulesets.flatMap((ruleset) => [...explainIn(query, ruleset), ...bitsIn(query, ruleset, searched.marks)]),
  );
  if (found.length === 0) return unknown(context, name, searched.rulesets);
  const text = context.json ? explainJson(name, found, searched.attached) : explainText(name, found, searched.attached);
  await context.io.stdout.write(text);
  return exitCodes.ok;
}

/** The words of ipvsadm for a kind of virtual server; the next word is its address and port, or its mark. */
const serverOption = /^(-[tuf]|--(tcp|udp|sctp|fwmark)-service)$/;

/** `-t 10.96.0.10:80` is one name in two words, unless it is quoted. Throws UsageError for other options. */
function wordsMeant(words: readonly string[]): { readonly name: string; readonly paths: readonly string[] } {
  const [first = "", second = ""] = words;
  const isTwo = serverOption.test(first);
  const name = isTwo ? `${first} ${second}` : first;
  const paths = words.slice(isTwo ? 2 : 1);
  const isServer = name.includes(" ") && serverOption.test(name.split(" ", 1)[0] ?? "");
  const stray = [...(isServer ? [] : [name]), ...paths].find((each) => each.length > 1 && each.startsWith("-"));
  if (stray !== undefined) throw new UsageError(`unknown option '${stray}'`);
  return { name, paths };
}

async function unknown(context: Context, name: string, rulesets: readonly Ruleset[]): Promise<number> {
  const near = suggestionsFor(name, rulesets);
  const kinds = "chains, sets, maps, their elements, virtual servers, marks, comments";
  const help = near.length === 0 ? `; known are ${kinds}` : `; did you mean ${near.join(" or ")}?`;
  await context.io.stderr.write(`${visible(`error: nothing is called ${name}${help}`)}
`);
  return exitCodes.failed;
}

/** A bit of the packet mark, where the rules of a backend use it. */
function bitsIn(
  { number, words }: Query,
  ruleset: Ruleset,
  marks: ReadonlyMap<number, string>,
): readonly Explanation[] {
  const text = number === null ? undefined : marks.get(number);
  if (text === undefined || words.some((word) => ruleset.names.has(word))) return [];
  const hex = `0x${number?.toString(16)}`;
  const pattern = new RegExp(`(?:${hex}(?![0-9a-f])|0x0*${number?.toString(16)}(?![0-9a-f]))`);
  const rules = ruleset.lines.filter((line) => pattern.test(line));
  if (rules.length === 0) return [];
  return [{ backend: ruleset.backend, name: hex, what: "mark bit", text, key: null, nodes: [ruleset.node], rules }];
}

async function searchSpec(
  context: Context,
  paths: readonly string[],
  backends: readonly BackendName[],
  options: ExplainOptions,
): Promise<Searched | null> {
  const loaded = await loadSpec(paths, options.stdinName ?? null, context.io);
  if (hasErrors(loaded.diagnostics)) return refuse(context, loaded.diagnostics);
  await reportLeftOut(context, loaded.diagnostics);
  const nodes = chosenNodes(loaded.spec, options);
  if (nodes.length === 0) throw new UsageError("the spec declares no node: name one with --node NAME");
  const irs: NodeIr[] = [];
  const rulesets: Ruleset[] = [];
  const findings: Diagnostic[] = [];
  for (const { name, overrides } of nodes) {
    const resolved = irOf(loaded.spec, name, overrides);
    if (hasErrors(resolved.diagnostics)) return refuse(context, resolved.diagnostics);
    irs.push(resolved.ir);
    for (const backend of backends) {
      const { files, names, diagnostics } = await compileBackend(resolved.ir, backend);
      findings.push(...diagnostics);
      const lines = files.flatMap((file) => textOf(file).split("\n"));
      rulesets.push({ node: name, backend, names: new Map(names.map((each) => [each.name, each.key])), lines });
    }
  }
  // a backend that cannot do what the spec says has no rules; when none can, that is the answer
  if (rulesets.every(({ lines }) => lines.length === 0) && hasErrors(findings)) return refuse(context, findings);
  const attached = (key: string): Attached | null =>
    irs.map((ir) => attachedIn(ir, key)).find((each) => each !== null) ?? null;
  const [{ marks } = { marks: defaultMarks }] = irs;
  return { rulesets, attached, marks: markWords(marks) };
}

async function refuse(context: Context, diagnostics: readonly Diagnostic[]): Promise<null> {
  await report(context, distinctDiagnostics(diagnostics.filter(({ severity }) => severity === "error")));
  return null;
}

/** A compiled folder tells declarations; frontends and endpoints are in the rules that it shows. */
function searchCompiled(compiled: readonly Compiled[], backends: readonly BackendName[]): Searched {
  const rulesets = compiled.flatMap((folder) =>
    backends
      .filter((backend) => folder.backends.includes(backend))
      .map((backend) => ({
        node: folder.node,
        backend,
        names: new Map(Object.entries(folder.sources.names[backend] ?? {})),
        lines: [...folder.filesOf(backend).values()].flatMap((text) => text.split("\n")),
      })),
  );
  const attached = (key: string): Attached | null => {
    const source = compiled.map(({ sources }) => declarationOf(sources, key)).find((each) => each !== null);
    return source === undefined ? null : { source: source ?? null, frontends: [], endpoints: [] };
  };
  return { rulesets, attached, marks: markWords(defaultMarks) };
}

/** As a spec has them that says nothing else. */
const defaultMarks = { masquerade: 0x4000, drop: 0x8000, reject: 0x1000 } as const;

function markWords(marks: NodeIr["marks"]): ReadonlyMap<number, string> {
  return new Map([
    [marks.masquerade, "bit of the packet mark: the connection is masqueraded on its way out"],
    [marks.drop, "bit of the packet mark: the packet is to be dropped"],
    [marks.reject, "bit of the packet mark: the packet is to be rejected"],
  ]);
}
