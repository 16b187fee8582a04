import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "../artifact/digest.ts";
import { type Manifest, manifestFormat, parseManifest } from "../artifact/manifest.ts";
import type { BackendName } from "../backends/backend.ts";
import { backendNames } from "../backends/registry.ts";
import { visible } from "../diagnostics/visible.ts";
import { hasManifest, jsonOf, manifestName, mostManifestBytes } from "./compiled-files.ts";

/** An artifact that cannot be used: not whole, changed by someone, of another format, for another node. */
export class ArtifactError extends Error {
  override readonly name = "ArtifactError";
}

/** All files together; those of 20,000 services for every backend have some 150 MB. A string can hold no 512 MiB. */
const mostBytes = 256 * 1024 * 1024;

/** A node's folder as `weir compile` wrote it, every file of it checked against its manifest. */
export interface NodeFolder {
  readonly path: string;
  readonly manifest: Manifest;
  readonly texts: ReadonlyMap<string, string>;
}

/**
 * What a path is: a node's folder, a build with such folders (their names in order), or neither of them. `spec` is a
 * file beside the folders of a build that says that it is no build, or not only.
 */
export type FolderKind =
  | { readonly kind: "node" }
  | { readonly kind: "build"; readonly nodes: readonly string[]; readonly spec: string | null }
  | { readonly kind: "other" };

/** Reads no file but manifest.json. Throws the errors of node:fs. */
export function folderKind(path: string): FolderKind {
  if (!statSync(path).isDirectory()) return { kind: "other" };
  if (hasManifest(path)) return { kind: "node" };
  // the folder of a spec has files beside each other, and what lies below a file is no question for the system
  const entries = readdirSync(path, { withFileTypes: true });
  const nodes = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && hasManifest(join(path, entry.name)))
    .map(({ name }) => name);
  if (nodes.length === 0) return { kind: "other" };
  const specs = entries.filter((entry) => entry.isFile() && /^[^.].*\.(weir|ya?ml)$/.test(entry.name));
  return { kind: "build", nodes: nodes.sort(), spec: specs.map(({ name }) => name).sort()[0] ?? null };
}

/** Reads a node's folder. Throws ArtifactError, or the errors of node:fs. */
export function readNodeFolder(path: string): NodeFolder {
  const manifest = readManifest(path);
  const texts = new Map<string, string>();
  let room = mostBytes;
  for (const [name, said] of Object.entries(manifest.files)) {
    // the schema allows dots in names, and so `..`
    if (name.split("/").includes("..")) throw new ArtifactError(`${path}: manifest.json names ${JSON.stringify(name)}`);
    room -= said.bytes;
    if (room < 0) throw new ArtifactError(`${path}: the files are longer than 256 MiB together`);
    const bytes = readBytes(join(path, name), said.bytes);
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

/**
 * The beginning of a file: one byte more than it may have, when it has more. Opened first and looked at then, so that it
 * is the same one that is read; a pipe or a device keeps nobody waiting.
 */
function readBytes(path: string, most: number): Buffer {
  const descriptor = opened(path);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new ArtifactError(`${path} is no ordinary file`);
    const bytes = Buffer.alloc(Math.min(stats.size, most + 1));
    let at = 0;
    for (let count = -1; count !== 0 && at < bytes.length; at += count) {
      count = readSync(descriptor, bytes, at, bytes.length - at, null);
    }
    return bytes.subarray(0, at);
  } finally {
    closeSync(descriptor);
  }
}

function opened(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    if (error.code === "ENOENT") throw new ArtifactError(`${path} is missing: the artifact is not whole`);
    // a socket, or a device without a driver
    if (error.code === "ENXIO") throw new ArtifactError(`${path} is no ordinary file`);
    throw error;
  }
}

function readManifest(folder: string): Manifest {
  const path = join(folder, manifestName);
  const bytes = readBytes(path, mostManifestBytes);
  if (bytes.length > mostManifestBytes) throw new ArtifactError(`${path} is longer than 4 MiB`);
  const text = bytes.toString("utf8");
  try {
    return parseManifest(text);
  } catch (error) {
    const format = formatOf(text);
    if (format !== null && format !== manifestFormat) {
      throw new ArtifactError(
        `${path} has format ${visible(String(format))}, this weir reads format ${manifestFormat}: use another weir`,
      );
    }
    const reason = error instanceof SyntaxError ? `: ${visible(error.message)}` : "";
    throw new ArtifactError(`${path} is no manifest of weir${reason}`);
  }
}

function formatOf(text: string): unknown {
  const content = jsonOf(text);
  return typeof content === "object" && content !== null && "format" in content ? content.format : null;
}

/** The backends that a folder was compiled for, in the order of the registry. */
export function backendsIn(manifest: Manifest): readonly BackendName[] {
  return backendNames.filter((backend) => manifest.requirements[backend] !== undefined);
}
