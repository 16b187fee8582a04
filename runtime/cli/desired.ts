import { hostname } from "node:os";
import { join } from "node:path";
import { assembleArtifact } from "../../compiler/artifact/artifact.ts";
import { digestOfSpec } from "../../compiler/artifact/digest.ts";
import { parseManifest } from "../../compiler/artifact/manifest.ts";
import type { BackendName } from "../../compiler/backends/backend.ts";
import { backendNames } from "../../compiler/backends/registry.ts";
import { compiledFolderIn, readCompiledNode } from "../../compiler/cli/compiled.ts";
import type { Context } from "../../compiler/cli/context.ts";
import { TroubleError, troubleFrom, UsageError } from "../../compiler/cli/exit.ts";
import { type LoadedSpec, loadSpec } from "../../compiler/cli/load.ts";
import { ArtifactError, backendsIn, type NodeFolder } from "../../compiler/cli/node-folder.ts";
import { assertNodeName, chosenNodes, listOption, type NodeOptions } from "../../compiler/cli/nodes.ts";
import { type Diagnostic, hasErrors } from "../../compiler/diagnostics/diagnostic.ts";
import type { NodeIr } from "../../compiler/ir/ir.ts";
import { isLoopback } from "../../compiler/net/address.ts";
import { irOf, type NodeOverrides } from "../../compiler/pipeline.ts";
import { desiredFrom } from "../desired/artifact-folder.ts";
import { checkArtifact } from "../desired/checked.ts";
import type { Desired } from "../desired/desired.ts";
import { chosenNode } from "../desired/node.ts";

export interface DesiredOptions extends Omit<NodeOptions, "allNodes"> {
  readonly stdinName?: string;
  /** For a proxy without rules: a spec need not declare a node, and endpoints may be on loopback, where no rule leads. */
  readonly withoutRules?: boolean;
}

/**
 * Chooses among the backends that the input has: all four for a spec, those it was compiled for of an artifact.
 * Throws TroubleError when none will do.
 */
export type ChooseBackend = (available: readonly BackendName[]) => Promise<BackendName> | BackendName;

/** `desired` is null when the spec has errors, which are among the findings. */
export interface LoadedDesired {
  readonly desired: Desired | null;
  /** What the spec means for this node; null for an artifact, which has only rules. */
  readonly ir: NodeIr | null;
  readonly diagnostics: readonly Diagnostic[];
  /** Of a spec: its files, with those that are included. */
  readonly files?: readonly string[];
}

/**
 * What a node is to have, from the inputs of a command: one node's artifact folder, a build folder with that node, or
 * specs, which are compiled in memory. Throws TroubleError for what cannot be read or is for another node.
 */
export async function loadDesired(
  context: Context,
  paths: readonly string[],
  options: DesiredOptions,
  choose: ChooseBackend,
): Promise<LoadedDesired> {
  const names = listOption(options.node);
  if (names.length > 1) throw new UsageError("a node has one name: give --node once");
  for (const name of names) assertNodeName(name);
  const named = names[0] ?? null;
  try {
    const folder = artifactAt(paths, named);
    if (folder === null) return await compileDesired(context, paths, options, named, choose);
    if (options.nodeAddress !== undefined || options.nodePods !== undefined || options.nodeZone !== undefined) {
      throw new UsageError(
        "--node-address, --node-pods and --node-zone are for specs: an artifact is compiled already",
      );
    }
    const desired = desiredFrom(folder, await choose(backendsIn(folder.manifest)));
    await checkArtifact(desired);
    return { desired, ir: null, diagnostics: [] };
  } catch (error) {
    if (error instanceof ArtifactError) throw new TroubleError(error.message);
    throw troubleFrom(error, `read ${paths.join(", ")}`);
  }
}

/** The folder of the node in the inputs; null when they are specs. */
function artifactAt(paths: readonly string[], named: string | null): NodeFolder | null {
  const found = compiledFolderIn(paths);
  if (found === null) return null;
  if (found.kind === "node") return checkedFolder(found.path, named);
  const node = chosenNode(found.nodes, named, hostname(), found.path);
  if (!found.nodes.includes(node)) {
    throw new ArtifactError(`${found.path} has nothing for the node ${node}; it has ${found.nodes.join(", ")}`);
  }
  return checkedFolder(join(found.path, node), node);
}

function checkedFolder(path: string, named: string | null): NodeFolder {
  const folder = readCompiledNode(path);
  if (named !== null && folder.manifest.node !== named) {
    throw new ArtifactError(`${path} is for the node ${folder.manifest.node}, not for ${named}`);
  }
  return folder;
}

async function compileDesired(
  context: Context,
  paths: readonly string[],
  options: DesiredOptions,
  named: string | null,
  choose: ChooseBackend,
): Promise<LoadedDesired> {
  const read = await loadSpec(paths, options.stdinName ?? null, context.io);
  const loaded = options.withoutRules === true ? withLoopback(read) : read;
  const files = loaded.files.map(({ path }) => path);
  if (hasErrors(loaded.diagnostics)) return { desired: null, ir: null, diagnostics: loaded.diagnostics, files };
  const known = loaded.spec.nodes.map(({ name }) => name);
  const isAny = options.withoutRules === true && known.length === 0;
  const node = isAny ? (named ?? hostname()) : chosenNode(known, named, hostname(), "the spec");
  const [chosen] = chosenNodes(loaded.spec, { ...options, node: [node] });
  const backend = await choose(backendNames);
  const made = await compileFor(loaded, node, chosen?.overrides ?? {}, backend, paths.join(" "));
  return { ...made, diagnostics: [...loaded.diagnostics, ...made.diagnostics], files };
}

function withLoopback(loaded: LoadedSpec): LoadedSpec {
  const endpoints = loaded.spec.services.flatMap((service) => service.endpoints);
  const places = new Set(endpoints.filter(({ address }) => isLoopback(address)).map(({ origin }) => origin));
  const isWanted = ({ code, location }: Diagnostic) =>
    code === "spec/address-not-unicast" && location !== null && places.has(location);
  return { ...loaded, diagnostics: loaded.diagnostics.filter((finding) => !isWanted(finding)) };
}

async function compileFor(
  loaded: LoadedSpec,
  node: string,
  overrides: NodeOverrides,
  backend: BackendName,
  from: string,
): Promise<LoadedDesired> {
  const resolved = irOf(loaded.spec, node, overrides);
  if (hasErrors(resolved.diagnostics)) return { desired: null, ir: null, diagnostics: resolved.diagnostics };
  const texts = new Map<string, string>();
  const options = {
    backends: [backend],
    specDigest: digestOfSpec(loaded.spec),
    pathInSpec: loaded.pathInSpec,
  };
  const findings = await assembleArtifact(resolved.ir, options, ({ path, chunks }) => {
    texts.set(path, Buffer.concat(chunks).toString("utf8"));
  });
  const diagnostics = [...resolved.diagnostics, ...findings];
  if (hasErrors(diagnostics)) return { desired: null, ir: null, diagnostics };
  const manifest = parseManifest(texts.get("manifest.json") ?? "");
  texts.delete("manifest.json");
  const desired = desiredFrom({ path: from, manifest, texts }, backend);
  return { desired, ir: resolved.ir, diagnostics };
}
