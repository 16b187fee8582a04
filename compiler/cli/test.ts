import { addAll, type Diagnostic, hasErrors } from "../diagnostics/diagnostic.ts";
import { countDiagnostics, jsonDiagnostic } from "../diagnostics/render-json.ts";
import { plainPaint } from "../diagnostics/render-text.ts";
import { countTrials, jsonTrial } from "../expect/render-json.ts";
import { renderJunit } from "../expect/render-junit.ts";
import { renderTrials } from "../expect/render-text.ts";
import { type Trial, tryExpects } from "../expect/try.ts";
import { irOf, undescribedNode } from "../pipeline.ts";
import { backendsOf } from "./backends.ts";
import { type Context, counted, distinctDiagnostics, remark, report } from "./context.ts";
import { exitCodes, UsageError } from "./exit.ts";
import { loadSpec } from "./load.ts";
import { chosenNodes, listOption, type NodeOptions } from "./nodes.ts";
import { showProgress } from "./progress.ts";

type TestFormat = "text" | "json" | "junit";

export interface TestOptions extends NodeOptions {
  readonly backend?: readonly string[];
  readonly format?: TestFormat;
  readonly stdinName?: string;
}

/** What was found; `unasked` expectations are for nodes that were not chosen. */
interface Found {
  readonly trials: readonly Trial[];
  readonly diagnostics: readonly Diagnostic[];
  readonly lines: number;
  readonly nodes: number;
  readonly unasked: number;
}

/** `weir test`: every `expect` line on its node, as the spec means it and by each backend's printed rules. */
export async function test(context: Context, paths: readonly string[], options: TestOptions): Promise<number> {
  const format = formatOf(context, options);
  const found = await tryAll(context, paths, options);
  await write(context, format, found);
  return hasErrors(found.diagnostics) || countTrials(found.trials).failed > 0 ? exitCodes.failed : exitCodes.ok;
}

async function tryAll(context: Context, paths: readonly string[], options: TestOptions): Promise<Found> {
  const backends = backendsOf(options.backend);
  const isAsked = options.backend !== undefined && !listOption(options.backend).includes("all");
  const { spec, ...loaded } = await loadSpec(paths, options.stdinName ?? null, context.io);
  const diagnostics: Diagnostic[] = [...loaded.diagnostics];
  const trials: Trial[] = [];
  const nodes = chosenNodes(spec, options);
  const names = new Set(nodes.map(({ name }) => name));
  const unasked = spec.expects.filter(({ node }) => node !== null && !names.has(node)).length;
  if (!hasErrors(diagnostics)) {
    if (nodes.length === 0 && spec.expects.length > 0) {
      throw new UsageError("the spec declares no node: name one with --node NAME");
    }
    for (const node of nodes) {
      const expects = spec.expects.filter((expected) => expected.node === null || expected.node === node.name);
      if (expects.length === 0) {
        // a name that is mistyped has no expectations either
        const isKnown = spec.nodes.some(({ name }) => name === node.name);
        if (!isKnown) diagnostics.push(undescribedNode(node.name, [spec]));
        continue;
      }
      await showProgress(context, `testing ${node.name}`);
      const { ir, diagnostics: findings } = irOf(spec, node.name, node.overrides);
      addAll(diagnostics, findings);
      if (hasErrors(findings)) continue;
      for (const trial of await tryExpects(ir, expects, { backends, isAsked })) trials.push(trial);
    }
    await showProgress(context, "");
  }
  const tried = spec.expects.length - unasked;
  return { trials, diagnostics: distinctDiagnostics(diagnostics), lines: tried, nodes: nodes.length, unasked };
}

function formatOf(context: Context, options: TestOptions): TestFormat {
  if (!context.json) return options.format ?? "text";
  if (options.format !== undefined && options.format !== "json") {
    throw new UsageError(`--json and --format ${options.format} exclude each other`);
  }
  return "json";
}

async function write(context: Context, format: TestFormat, found: Found): Promise<void> {
  const { trials, diagnostics } = found;
  if (format === "json") {
    const document = {
      results: trials.map(jsonTrial),
      ...countTrials(trials),
      diagnostics: diagnostics.map(jsonDiagnostic),
      ...countDiagnostics(diagnostics),
    };
    return context.io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }
  await report(context, diagnostics);
  if (format === "junit") {
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    await context.io.stdout.write(renderJunit(trials, errors));
  } else {
    const shown = context.quiet ? trials.filter(({ status }) => status === "failed") : trials;
    // whether colours are wanted is known of standard error; they must not get into a pipe beside it
    const isAlike = context.io.stdout.isTerminal === context.io.stderr.isTerminal;
    await context.io.stdout.write(renderTrials(shown, isAlike ? context.paint : plainPaint));
  }
  if (!hasErrors(diagnostics)) await remark(context, summary(found));
}

function summary({ trials, lines, nodes, unasked }: Found): string {
  const elsewhere = unasked === 0 ? "" : `; ${counted(unasked, "line")} for other nodes left out`;
  if (trials.length === 0) return `no expect lines to test${elsewhere}`;
  const { passed, failed, skipped } = countTrials(trials);
  const untried = skipped === 0 ? "" : `, ${skipped} not tried because the backend cannot do it`;
  const read = `${counted(lines, "expect line")} on ${counted(nodes, "node")}`;
  return `${read}: ${passed} passed, ${failed} failed${untried}${elsewhere}`;
}
