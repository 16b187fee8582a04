import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { digestOf } from "../artifact/digest.ts";
import { type Manifest, parseManifest } from "../artifact/manifest.ts";
import type { BackendName, FileTexts } from "../backends/backend.ts";
import { backendNames } from "../backends/registry.ts";
import { compareText } from "../net/order.ts";
import { orTrouble, TroubleError } from "./exit.ts";

/** One node of a folder that `weir compile` wrote. */
export interface CompiledNode {
  readonly name: string;
  readonly backends: readonly BackendName[];
  readonly files: FileTexts;
}

const manifestName = "manifest.json";

/** As for applying: what 20,000 services take for every backend, and more. */
const mostManifestBytes = 4 * 1024 * 1024;
const mostBytes = 256 * 1024 * 1024;

/** The nodes of a build, or the one whose folder it is; null for what is no compiled folder. */
export function readCompiled(path: string): readonly CompiledNode[] | null {
  if (!existsSync(path) || !orTrouble(`read ${path}`, () => statSync(path)).isDirectory()) return null;
  if (existsSync(join(path, manifestName))) return [readNode(path)];
  const entries = orTrouble(`read ${path}`, () => readdirSync(path, { withFileTypes: true }));
  const names = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .filter((name) => existsSync(join(path, name, manifestName)))
    .sort(compareText);
  return names.length === 0 ? null : names.map((name) => readNode(join(path, name)));
}

/** Every file is checked against the manifest: a comparison with half an artifact would say what is not so. */
function readNode(folder: string): CompiledNode {
  const manifest = readManifest(folder);
  const files = new Map<string, string>();
  let room = mostBytes;
  for (const [name, said] of Object.entries(manifest.files)) {
    // the schema allows dots in names, and so `..`
    if (name.split("/").includes(".."))
      throw new TroubleError(`${folder}: manifest.json names ${JSON.stringify(name)}`);
    room -= said.bytes;
    if (room < 0) throw new TroubleError(`${folder}: the files are longer than 256 MiB together`);
    const bytes = readBytes(join(folder, name), said.bytes);
    if (digestOf([bytes]) !== said.digest) {
      throw new TroubleError(`${join(folder, name)} is not what manifest.json says: compile it again`);
    }
    files.set(name, bytes.toString("utf8"));
  }
  const backends = backendNames.filter((backend) => manifest.requirements[backend] !== undefined);
  return { name: manifest.node, backends, files };
}

function readManifest(folder: string): Manifest {
  const path = join(folder, manifestName);
  try {
    return parseManifest(readBytes(path, mostManifestBytes).toString("utf8"));
  } catch (error) {
    if (error instanceof TroubleError) throw error;
    throw new TroubleError(`${path} is no manifest that this weir reads (${basename(folder)})`);
  }
}

/** Opened first and looked at then, so that it is the same file that is read. */
function readBytes(path: string, most: number): Buffer {
  return orTrouble(`read ${path}`, () => {
    const descriptor = openSync(path, "r");
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isFile()) throw new TroubleError(`${path} is no ordinary file`);
      if (stats.size > most) throw new TroubleError(`${path} is longer than it may be`);
      return readFileSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  });
}
