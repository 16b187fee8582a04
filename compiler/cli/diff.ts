import type { BackendName } from "../backends/backend.ts";
import { type Diagnostic, hasErrors } from "../diagnostics/diagnostic.ts";
import { type Diff, hasExposure, isSame } from "../diff/change.ts";
import { compareSpecs, type NodePair } from "../diff/compare.ts";
import type { NodeIr } from "../ir/ir.ts";
import { compareText } from "../net/order.ts";
import { irOf } from "../pipeline.ts";
import type { Spec } from "../spec/schema.ts";
import { backendsOf } from "./backends.ts";
import { type Context, distinctDiagnostics, report } from "./context.ts";
import { type OpenedSide, openSides } from "./diff-sides.ts";
import { TroubleError, UsageError } from "./exit.ts";
import { assertNodeName, listOption } from "./nodes.ts";
import { showProgress } from "./progress.ts";

export type DiffFormat = "text" | "markdown" | "json" | "html" | "rules";

export interface DiffOptions {
  readonly node?: readonly string[];
  readonly backend?: readonly string[];
  readonly format?: DiffFormat;
  readonly failOn?: "exposure";
}

/** 1 is also what diff(1) says of files that differ. */
const differenceCodes = { same: 0, different: 1, exposure: 3 } as const;

/** `weir diff`: what changes for traffic between two states of a spec. */
export async function diff(context: Context, paths: readonly string[], options: DiffOptions): Promise<number> {
  const format = formatOf(context, options);
  const backends = backendsOf(options.backend);
  const names = listOption(options.node);
  for (const name of names) assertNodeName(name);
  const sides = await openSides(paths, context.io);
  const findings = errorsOf(sides.old, sides.new);
  if (findings.length > 0) {
    await report(context, findings);
    throw new TroubleError("a spec with errors cannot be compared");
  }
  const nodes = nodePairs(sides.old.spec, sides.new.spec, names);
  await showProgress(context, "comparing");
  const found = await compareSpecs({ old: sides.old, new: sides.new, nodes, backends });
  await showProgress(context, "");
  await context.io.stdout.write(await print(found, format, nodes, backends));
  if (isSame(found)) return differenceCodes.same;
  return options.failOn === "exposure" && hasExposure(found) ? differenceCodes.exposure : differenceCodes.different;
}

function formatOf(context: Context, options: DiffOptions): DiffFormat {
  if (!context.json) return options.format ?? "text";
  if (options.format !== undefined && options.format !== "json") {
    throw new UsageError(`--json and --format ${options.format} exclude each other`);
  }
  return "json";
}

/** Errors of both sides; warnings are for `weir check`. */
function errorsOf(...sides: readonly OpenedSide[]): readonly Diagnostic[] {
  const errors = sides.flatMap(({ diagnostics }) => diagnostics).filter(({ severity }) => severity === "error");
  return distinctDiagnostics(errors);
}

/** A spec that declares no node is compared for one of no name: most of what changes does not depend on it. */
const placeholder = "node";

/** The nodes that either spec declares, or those that were asked for. */
function nodePairs(old: Spec, now: Spec, names: readonly string[]): readonly NodePair[] {
  const declared = [...new Set([...old.nodes, ...now.nodes].map(({ name }) => name))].sort(compareText);
  if (names.length > 0) return names.map((name) => ({ name, before: resolve(old, name), after: resolve(now, name) }));
  if (declared.length === 0) {
    return [{ name: placeholder, before: resolve(old, placeholder), after: resolve(now, placeholder) }];
  }
  // a spec without nodes may be meant for any; with nodes, one that it does not name is not there
  const side = (spec: Spec, name: string): NodeIr | null =>
    spec.nodes.length === 0 || spec.nodes.some((node) => node.name === name) ? resolve(spec, name) : null;
  return declared.map((name) => ({ name, before: side(old, name), after: side(now, name) }));
}

function resolve(spec: Spec, name: string): NodeIr {
  const { ir, diagnostics } = irOf(spec, name);
  if (hasErrors(diagnostics)) throw new TroubleError(`the spec cannot be resolved for ${name}: weir check tells why`);
  return ir;
}

async function print(
  found: Diff,
  format: DiffFormat,
  nodes: readonly NodePair[],
  backends: readonly BackendName[],
): Promise<string> {
  const { outlineOf } = await import("../diff/outline.ts");
  switch (format) {
    case "text":
      return (await import("../diff/render-text.ts")).renderDiffText(outlineOf(found));
    case "json":
      return (await import("../diff/render-json.ts")).renderDiffJson(found);
    case "markdown":
      return (await import("../diff/render-markdown.ts")).renderDiffMarkdown(outlineOf(found));
    case "html":
      return (await import("../diff/render-html.ts")).renderDiffHtml(outlineOf(found), found);
    case "rules":
      return await (await import("../diff/rules.ts")).printRules(nodes, backends);
  }
}
