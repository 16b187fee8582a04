import { lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "../../compiler/artifact/digest.ts";
import { type Manifest, manifestFormat, parseManifest } from "../../compiler/artifact/manifest.ts";
import { type BackendName, backendNames } from "../../compiler/index.ts";
import { type Desired, manifestFor } from "./desired.ts";

/** An artifact that cannot be used: not whole, changed by someone, of another format, for another node. */
export class ArtifactError extends Error {
  override readonly name = "ArtifactError";
}

/** A file of 20,000 services has some 30 MB. */
const mostBytes = 512 * 1024 * 1024;

const manifestName = "manifest.json";

/** A node's folder as `weir compile` wrote it, every file of it checked against its manifest. */
export interface NodeFolder {
  readonly path: string;
  readonly manifest: Manifest;
  readonly texts: ReadonlyMap<string, string>;
}

/** What a path is: a node's folder, a build with such folders (their names in order), or neither of them. */
export type FolderKind =
  | { readonly kind: "node" }
  | { readonly kind: "build"; readonly nodes: readonly string[] }
  | { readonly kind: "other" };

/** Looks at names only. Throws the errors of node:fs. */
export function folderKind(path: string): FolderKind {
  if (!statSync(path).isDirectory()) return { kind: "other" };
  if (hasManifest(path)) return { kind: "node" };
  const nodes = readdirSync(path).filter((name) => !name.startsWith(".") && hasManifest(join(path, name)));
  return nodes.length === 0 ? { kind: "other" } : { kind: "build", nodes: nodes.sort() };
}

function hasManifest(folder: string): boolean {
  return lstatSync(join(folder, manifestName), { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Reads a node's folder. Throws ArtifactError, or the errors of node:fs. */
export function readNodeFolder(path: string): NodeFolder {
  const manifest = readManifest(path);
  const texts = new Map<string, string>();
  for (const [name, said] of Object.entries(manifest.files)) {
    // the schema allows dots in names, and so `..`
    if (name.split("/").includes("..")) throw new ArtifactError(`${path}: manifest.json names ${JSON.stringify(name)}`);
    const bytes = readBytes(path, name, said.bytes);
    const digest = digestOf([bytes]);
    if (bytes.length !== said.bytes || digest !== said.digest) {
      throw new ArtifactError(
        `${join(path, name)} is not what manifest.json says: it was changed after it was compiled, or is not whole; compile it again`,
      );
    }
    texts.set(name, bytes.toString("utf8"));
  }
  return { path, manifest, texts };
}

function readBytes(folder: string, name: string, bytes: number): Buffer {
  const path = join(folder, name);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new ArtifactError(`${path} is missing: manifest.json names it`);
  if (!stats.isFile()) throw new ArtifactError(`${path} is no ordinary file`);
  if (stats.size > mostBytes || bytes > mostBytes) throw new ArtifactError(`${path} is longer than 512 MiB`);
  return readFileSync(path);
}

function readManifest(folder: string): Manifest {
  const path = join(folder, manifestName);
  const text = readFileSync(path, "utf8");
  try {
    return parseManifest(text);
  } catch (error) {
    const format = formatOf(text);
    if (format !== null && format !== manifestFormat) {
      throw new ArtifactError(
        `${path} has format ${format}, this weir reads format ${manifestFormat}: use another weir`,
      );
    }
    const reason = error instanceof SyntaxError ? `: ${error.message}` : "";
    throw new ArtifactError(`${path} is no manifest of weir${reason}`);
  }
}

function formatOf(text: string): unknown {
  try {
    const content: unknown = JSON.parse(text);
    return typeof content === "object" && content !== null && "format" in content ? content.format : null;
  } catch {
    return null;
  }
}

/** The backends that a folder was compiled for, in the order of the registry. */
export function backendsIn(manifest: Manifest): readonly BackendName[] {
  return backendNames.filter((backend) => manifest.requirements[backend] !== undefined);
}

/** One backend's part of a node's folder. Throws ArtifactError when it was not compiled for it. */
export function desiredFrom(folder: NodeFolder, backend: BackendName): Desired {
  const { manifest, path } = folder;
  const known = backendsIn(manifest);
  if (!known.includes(backend)) {
    throw new ArtifactError(`${path} was compiled for ${known.join(", ") || "no backend"}, not for ${backend}`);
  }
  return {
    node: manifest.node,
    backend,
    manifest: manifestFor(manifest, backend),
    files: new Map([...folder.texts].filter(([name]) => name.startsWith(`${backend}/`))),
    sources: folder.texts.get("sources.json") ?? "{}",
    from: path,
  };
}
