import type { ArtifactFile, BackendName, NamedObject, Requirement } from "./backends/backend.ts";
import { loadBackend } from "./backends/registry.ts";
import { type Diagnostic, diagnostic, hasErrors, sortDiagnostics } from "./diagnostics/diagnostic.ts";
import { didYouMean } from "./diagnostics/suggest.ts";
import type { NodeIr } from "./ir/ir.ts";
import { resolveNode } from "./ir/resolve.ts";
import type { IpAddress, Prefix } from "./net/address.ts";
import type { SourceFile } from "./source.ts";
import { checkSpec } from "./spec/check.ts";
import type { SpecFragment } from "./spec/fragment.ts";
import { mergeFragments } from "./spec/merge.ts";
import type { NodeSpec, Spec } from "./spec/schema.ts";

/**
 * The stages in order: text -> fragment -> Spec -> NodeIr -> Program -> artifact files.
 * Each is a pure function; findings are returned, never thrown.
 */

/** Whether a file holds the language of weir or Kubernetes objects, by its name; null for neither. */
export function languageOf(path: string): "weir" | "objects" | null {
  if (path.endsWith(".weir")) return "weir";
  return /\.(ya?ml|json)$/.test(path) ? "objects" : null;
}

export interface ReadResult {
  readonly fragment: SpecFragment;
  readonly diagnostics: readonly Diagnostic[];
  /** A .yaml, .yml or .json file that holds no Kubernetes object and was not meant to. */
  readonly isForeign: boolean;
}

/** Parses one file. The front end is loaded when first needed, so that checking .weir files never reads yaml's code. */
export async function fragmentOf(file: SourceFile, language = languageOf(file.path)): Promise<ReadResult> {
  if (language === "weir") {
    return { ...(await import("./spec/from-syntax.ts")).fragmentFromText(file), isForeign: false };
  }
  return (await import("./kubernetes/read.ts")).fragmentFromObjects(file);
}

export interface SpecResult {
  readonly spec: Spec;
  readonly diagnostics: readonly Diagnostic[];
}

/** Joins the fragments of all files and checks the whole. */
export function specOf(fragments: readonly SpecFragment[]): SpecResult {
  const merged = mergeFragments(fragments);
  return { spec: merged.spec, diagnostics: sortDiagnostics([...merged.diagnostics, ...checkSpec(merged.spec)]) };
}

/** What the command line says of a node; each replaces what the spec says. */
export interface NodeOverrides {
  readonly addresses?: readonly IpAddress[] | undefined;
  readonly pods?: readonly Prefix[] | undefined;
  readonly zone?: string | undefined;
}

export interface IrResult {
  readonly ir: NodeIr;
  readonly diagnostics: readonly Diagnostic[];
}

/** Resolves a spec for one node. A node that nothing describes is allowed, with a note: it has a name and nothing else. */
export function irOf(spec: Spec, name: string, overrides: NodeOverrides = {}): IrResult {
  const declared = spec.nodes.find((node) => node.name === name);
  const node: NodeSpec = {
    name,
    zone: overrides.zone ?? declared?.zone ?? null,
    addresses: overrides.addresses ?? declared?.addresses ?? [],
    pods: overrides.pods ?? declared?.pods ?? [],
    origin: declared?.origin ?? { file: { path: "", text: "" }, start: 0, end: 0 },
  };
  const described = declared !== undefined || Object.values(overrides).some((value) => value !== undefined);
  const known =
    declared === undefined ? [...spec.nodes, node] : spec.nodes.map((item) => (item === declared ? node : item));
  const resolved = resolveNode({ ...spec, nodes: known }, node);
  if (described) return resolved;
  return { ir: resolved.ir, diagnostics: [...resolved.diagnostics, undescribedNode(name, [spec])] };
}

/** The note on a node that none of the specs describes. */
export function undescribedNode(name: string, specs: readonly Spec[]): Diagnostic {
  const known = specs.flatMap(({ nodes }) => nodes.map((node) => node.name));
  const advice = `declare \`node ${name} { ... }\`, or use --node-address, --node-pods and --node-zone`;
  return diagnostic("spec/undescribed-node", { node: name }, { at: null, help: didYouMean(name, known) ?? advice });
}

/** One backend's part of an artifact. */
export interface BackendArtifact {
  readonly backend: BackendName;
  readonly files: readonly ArtifactFile[];
  readonly requirements: readonly Requirement[];
  readonly names: readonly NamedObject[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Lowers and prints for one backend; with errors there are no files, because half an artifact would do half the job.
 * The program is not kept: four of them at once would be four times the memory.
 */
export async function compileBackend(ir: NodeIr, name: BackendName): Promise<BackendArtifact> {
  const backend = await loadBackend(name);
  const { program, diagnostics } = backend.lower(ir);
  if (hasErrors(diagnostics)) {
    return { backend: name, files: [], requirements: [], names: [], diagnostics: sortDiagnostics(diagnostics) };
  }
  return {
    backend: name,
    files: backend.print(program),
    requirements: backend.requirements(program),
    names: backend.names(program),
    diagnostics: sortDiagnostics(diagnostics),
  };
}
