import { join } from "node:path";
import { parseSources, type Sources } from "../artifact/read-sources.ts";
import type { BackendName, FileTexts } from "../backends/backend.ts";
import { ParseError } from "../backends/text.ts";
import { InternalError } from "../result.ts";
import { orTrouble, TroubleError, UsageError } from "./exit.ts";
import { ArtifactError, backendsIn, folderKind, readNodeFolder } from "./node-folder.ts";
import { listOption, type NodeOptions } from "./nodes.ts";

/** A node's folder of `weir compile`, for commands that read it and change nothing. */
export interface Compiled {
  readonly path: string;
  readonly node: string;
  readonly backends: readonly BackendName[];
  readonly sources: Sources;
  filesOf(backend: BackendName): FileTexts;
}

/**
 * The compiled folders among the inputs: a node's folder, or those of a build, of the nodes of `--node` if there are
 * any. null when the inputs are specs. Throws TroubleError for a folder that is not whole.
 */
export function compiledAt(paths: readonly string[], options: NodeOptions): readonly Compiled[] | null {
  const kinds = paths.map((path) => (path === "-" ? null : orTrouble(`read ${path}`, () => folderKind(path))));
  if (kinds.every((kind) => kind === null || kind.kind === "other")) return null;
  const [[kind], [path = ""]] = [kinds, paths];
  if (paths.length > 1) throw new UsageError("a compiled folder stands alone: name one folder");
  if (options.nodePods !== undefined || options.nodeZone !== undefined) {
    throw new UsageError("--node-pods and --node-zone are for specs: this folder is compiled already");
  }
  const wanted = listOption(options.node);
  const known = kind?.kind === "build" ? kind.nodes.map((node) => join(path, node)) : [path];
  const all = known.map(readCompiled);
  const missing = wanted.find((name) => all.every(({ node }) => node !== name));
  if (missing !== undefined) {
    throw new TroubleError(
      `${path} has nothing for the node ${missing}; it has ${all.map(({ node }) => node).join(", ")}`,
    );
  }
  return wanted.length === 0 ? all : all.filter(({ node }) => wanted.includes(node));
}

function readCompiled(path: string): Compiled {
  try {
    const folder = orTrouble(`read ${path}`, () => readNodeFolder(path));
    const sources = parseSources(folder.texts.get("sources.json") ?? "");
    if (sources === null) throw new ArtifactError(`${join(path, "sources.json")} is not as weir writes it`);
    return {
      path,
      node: folder.manifest.node,
      backends: backendsIn(folder.manifest),
      sources,
      filesOf: (backend) => new Map([...folder.texts].filter(([name]) => name.startsWith(`${backend}/`))),
    };
  } catch (error) {
    if (error instanceof ArtifactError) throw new TroubleError(error.message);
    throw error;
  }
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
