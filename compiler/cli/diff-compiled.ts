import { existsSync } from "node:fs";
import { join } from "node:path";
import type { BackendName, FileTexts } from "../backends/backend.ts";
import { orTrouble, TroubleError } from "./exit.ts";
import { ArtifactError, backendsIn, folderKind, readNodeFolder } from "./node-folder.ts";

/** One node of a folder that `weir compile` wrote. */
export interface CompiledNode {
  readonly name: string;
  readonly backends: readonly BackendName[];
  readonly files: FileTexts;
}

/** The nodes of a build, or the one whose folder it is; null for what is no compiled folder. */
export function readCompiled(path: string): readonly CompiledNode[] | null {
  if (!existsSync(path)) return null;
  const kind = orTrouble(`read ${path}`, () => folderKind(path));
  if (kind.kind === "other") return null;
  return (kind.kind === "node" ? [path] : kind.nodes.map((name) => join(path, name))).map(readNode);
}

/** Every file is checked against the manifest: a comparison with half an artifact would say what is not so. */
function readNode(path: string): CompiledNode {
  try {
    const { manifest, texts } = orTrouble(`read ${path}`, () => readNodeFolder(path));
    return { name: manifest.node, backends: backendsIn(manifest), files: texts };
  } catch (error) {
    if (error instanceof ArtifactError) throw new TroubleError(error.message);
    throw error;
  }
}
