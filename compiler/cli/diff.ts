import type { BackendName, FileTexts } from "../backends/backend.ts";
import { type Diagnostic, hasErrors } from "../diagnostics/diagnostic.ts";
import { type Diff, hasExposure, isSame } from "../diff/change.ts";
import { compareSpecs, type NodePair } from "../diff/compare.ts";
import { comparePrograms, filesOf, type NodeFiles } from "../diff/programs.ts";
import { placesOf, printRules } from "../diff/rules.ts";
import type { NodeIr } from "../ir/ir.ts";
import { compareText } from "../net/order.ts";
import { irOf, undescribedNode } from "../pipeline.ts";
import type { Spec } from "../spec/schema.ts";
import { backendsOf } from "./backends.ts";
import { type Context, distinctDiagnostics, report, reportLeftOut } from "./context.ts";
import { type OpenedSide, openSides, type SpecSide } from "./diff-sides.ts";
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
  const { old, new: now } = await openSides(paths, context.io);
  if (options.failOn !== undefined && (old.kind === "compiled" || now.kind === "compiled")) {
    throw new UsageError("--fail-on exposure needs specs: rules of a compiled folder do not tell what is meant");
  }
  const findings = errorsOf(old, now);
  if (findings.length > 0) {
    await report(context, findings);
    const broken = [old, now].filter((side) => errorsOf(side).length > 0).map(({ name }) => name);
    throw new TroubleError(`${broken.join(" and ")}: a spec with errors cannot be compared`);
  }
  await reportLeftOut(context, notesOf(old, now));
  if (!context.json) await report(context, unknownNodes(names, old, now));
  await showProgress(context, "comparing");
  const compared =
    old.kind === "spec" && now.kind === "spec"
      ? await bySpecs(old, now, names, backends)
      : await byPrograms(old, now, names, backends);
  await showProgress(context, "");
  await context.io.stdout.write(await print(compared, format));
  const found = compared.diff;
  if (isSame(found)) return differenceCodes.same;
  return options.failOn === "exposure" && hasExposure(found) ? differenceCodes.exposure : differenceCodes.different;
}

/** A comparison, and what the changed rules are made of where those are asked for. */
interface ComparedSides {
  readonly diff: Diff;
  readonly files: () => Promise<readonly NodeFiles[]>;
  readonly places: () => ReadonlyMap<string, string>;
}

async function bySpecs(
  old: SpecSide,
  now: SpecSide,
  names: readonly string[],
  backends: readonly BackendName[],
): Promise<ComparedSides> {
  const nodes = nodePairs(old.spec, now.spec, names);
  const filesOfNode = async ({ name, before, after }: NodePair): Promise<NodeFiles> => ({
    name,
    before: before === null ? new Map() : await filesOf(before, backends),
    after: after === null ? new Map() : await filesOf(after, backends),
    backends,
  });
  return {
    diff: await compareSpecs({ old, new: now, nodes, backends }),
    files: () => Promise.all(nodes.map(filesOfNode)),
    places: () => placesOf([...irsOf(nodes, "before"), ...irsOf(nodes, "after")]),
  };
}

function irsOf(nodes: readonly NodePair[], side: "before" | "after"): readonly NodeIr[] {
  return nodes.flatMap((node) => node[side] ?? []);
}

/** With a compiled folder on a side there are only rules to compare; a spec on the other is compiled for its nodes. */
async function byPrograms(
  old: OpenedSide,
  now: OpenedSide,
  names: readonly string[],
  backends: readonly BackendName[],
): Promise<ComparedSides> {
  const compiled = [old, now].flatMap((side) => (side.kind === "compiled" ? side.nodes : []));
  const known = [...new Set(compiled.map(({ node }) => node))].sort(compareText);
  const missing = names.find((name) => !known.includes(name));
  if (missing !== undefined) throw new TroubleError(`no compiled folder holds ${missing}, only ${known.join(", ")}`);
  const files: NodeFiles[] = [];
  for (const name of names.length > 0 ? names : known) {
    const both = compiled.filter(({ node }) => node === name);
    const common = backends.filter((backend) => both.every((node) => node.backends.includes(backend)));
    const [before, after] = [await rulesOf(old, name, common), await rulesOf(now, name, common)];
    files.push({ name, before, after, backends: common });
  }
  const specs = [old, now].flatMap((side) =>
    side.kind === "spec" ? known.map((name) => resolve(side.spec, name)) : [],
  );
  const diff = await comparePrograms(old.name, now.name, files);
  return { diff, files: () => Promise.resolve(files), places: () => placesOf(specs) };
}

async function rulesOf(side: OpenedSide, name: string, backends: readonly BackendName[]): Promise<FileTexts> {
  if (side.kind === "spec") return filesOf(resolve(side.spec, name), backends);
  const compiled = side.nodes.find(({ node }) => node === name);
  return new Map(backends.flatMap((backend) => [...(compiled?.filesOf(backend) ?? [])]));
}

function formatOf(context: Context, options: DiffOptions): DiffFormat {
  if (!context.json) return options.format ?? "text";
  if (options.format !== undefined && options.format !== "json") {
    throw new UsageError(`--json and --format ${options.format} exclude each other`);
  }
  return "json";
}

function notesOf(...sides: readonly OpenedSide[]): readonly Diagnostic[] {
  return distinctDiagnostics(sides.flatMap((side) => (side.kind === "spec" ? side.diagnostics : [])));
}

/** Notes on nodes that were asked for and that neither spec describes: most often a name that is mistyped. */
function unknownNodes(names: readonly string[], ...sides: readonly OpenedSide[]): readonly Diagnostic[] {
  const specs = sides.flatMap((side) => (side.kind === "spec" ? [side.spec] : []));
  if (specs.length < sides.length) return [];
  const isKnown = (name: string) => specs.some(({ nodes }) => nodes.some((node) => node.name === name));
  return names.filter((name) => !isKnown(name)).map((name) => undescribedNode(name, specs));
}

/** Errors of both sides; warnings are for `weir check`. */
function errorsOf(...sides: readonly OpenedSide[]): readonly Diagnostic[] {
  const errors = sides
    .flatMap((side) => (side.kind === "spec" ? side.diagnostics : []))
    .filter(({ severity }) => severity === "error");
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

async function print({ diff: found, files, places }: ComparedSides, format: DiffFormat): Promise<string> {
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
      return printRules(await files(), places());
  }
}
