import { join } from "node:path";
import type { Digest } from "../artifact/digest.ts";
import { parseSources, type Sources } from "../artifact/read-sources.ts";
import type { BackendName, FileTexts } from "../backends/backend.ts";
import { ParseError } from "../backends/text.ts";
import { type IpAddress, parseAddress } from "../net/address.ts";
import { InternalError } from "../result.ts";
import { orTrouble, TroubleError, UsageError } from "./exit.ts";
import { ArtifactError, backendsIn, folderKind, type NodeFolder, readNodeFolder } from "./node-folder.ts";
import { listOption, type NodeOptions } from "./nodes.ts";

/** What `weir compile` wrote: the folder of one node, or a build with a folder for each of its nodes. */
export type CompiledFolder =
  | { readonly kind: "node"; readonly path: string }
  | { readonly kind: "build"; readonly path: string; readonly nodes: readonly string[] };

/**
 * The compiled folder that the inputs are; null when they are specs. Throws TroubleError for what cannot be read or
 * might be either, UsageError for a compiled folder beside other inputs.
 */
export function compiledFolderIn(paths: readonly string[]): CompiledFolder | null {
  const found = paths.flatMap((path) => (path === "-" ? [] : compiledFolderAt(path)));
  const [first] = found;
  if (first === undefined) return null;
  if (paths.length > 1) throw new UsageError(`${first.path} is a compiled folder, which stands alone: name one folder`);
  return first;
}

function compiledFolderAt(path: string): readonly CompiledFolder[] {
  const found = orTrouble(`read ${path}`, () => folderKind(path));
  if (found.kind === "other") return [];
  if (found.kind === "node") return [{ kind: "node", path }];
  if (found.spec === null) return [{ kind: "build", path, nodes: found.nodes }];
  const both = [join(path, found.spec), join(path, found.nodes[0] ?? "")];
  throw new TroubleError(`${path} holds specs and compiled folders: name what is meant, ${both.join(" or ")}`);
}

/** Reads a node's folder, every file of it checked. Throws TroubleError for one that is not whole. */
export function readCompiledNode(path: string): NodeFolder {
  try {
    return orTrouble(`read ${path}`, () => readNodeFolder(path));
  } catch (error) {
    if (error instanceof ArtifactError) throw new TroubleError(error.message);
    throw error;
  }
}

/** A node's folder of `weir compile`, for commands that read it and change nothing. */
export interface Compiled {
  readonly path: string;
  readonly node: string;
  /** Digest of the spec's meaning. */
  readonly spec: Digest;
  /** The node's own, as they were when it was compiled. */
  readonly addresses: readonly IpAddress[];
  readonly backends: readonly BackendName[];
  readonly sources: Sources;
  filesOf(backend: BackendName): FileTexts;
}

/**
 * The compiled folders among the inputs: a node's folder, or those of a build, of the nodes of `--node` if there are
 * any. null when the inputs are specs. Throws TroubleError for a folder that is not whole.
 */
export function compiledAt(paths: readonly string[], options: NodeOptions): readonly Compiled[] | null {
  const found = compiledFolderIn(paths);
  if (found === null) return null;
  if (options.nodePods !== undefined || options.nodeZone !== undefined) {
    throw new UsageError("--node-pods and --node-zone are for specs: this folder is compiled already");
  }
  const { path } = found;
  const wanted = listOption(options.node);
  const all = (found.kind === "build" ? found.nodes.map((node) => join(path, node)) : [path]).map(readCompiled);
  const missing = wanted.find((name) => all.every(({ node }) => node !== name));
  if (missing !== undefined) {
    throw new TroubleError(
      `${path} has nothing for the node ${missing}; it has ${all.map(({ node }) => node).join(", ")}`,
    );
  }
  return wanted.length === 0 ? all : all.filter(({ node }) => wanted.includes(node));
}

function readCompiled(path: string): Compiled {
  const { manifest, texts } = readCompiledNode(path);
  const sources = parseSources(texts.get("sources.json") ?? "");
  if (sources === null) throw new TroubleError(`${join(path, "sources.json")} is not as weir writes it`);
  return {
    path,
    node: manifest.node,
    spec: manifest.spec,
    addresses: manifest.addresses.map((text) => addressIn(path, text)),
    backends: backendsIn(manifest),
    sources,
    filesOf: (backend) => new Map([...texts].filter(([name]) => name.startsWith(`${backend}/`))),
  };
}

function addressIn(path: string, text: string): IpAddress {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new TroubleError(`${join(path, "manifest.json")} is not as weir writes it: ${parsed.reason}`);
  return parsed.value;
}

/** Runs what reads a folder's rules; rules that weir has not written are trouble with the folder. */
export async function orForeign<T>({ path }: Compiled, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ParseError || error instanceof InternalError)) throw error;
    throw new TroubleError(`${path} has rules that are not as weir writes them: ${error.message}; compile it again`);
  }
}
