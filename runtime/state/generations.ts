import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { inlineJson, type Json } from "../../compiler/artifact/json-lines.ts";
import type { Manifest } from "../../compiler/artifact/manifest.ts";
import { ArtifactError, readNodeFolder } from "../../compiler/cli/node-folder.ts";
import { desiredFrom } from "../desired/artifact-folder.ts";
import type { Desired } from "../desired/desired.ts";
import { milestone } from "../host/milestone.ts";
import type { PlaneName, Snapshot } from "../planes/plane.ts";
import { orStateError, StateError } from "./error.ts";
import { makeFolder, readText, replaceFile, syncFolder, syncFolders, writeNew } from "./files.ts";
import { type GenerationRecord, recordSchema, snapshotSchema } from "./schema.ts";

/** Generations lie in folders of their own: record.json, artifact/ as compiled, before/PLANE.json for going back. */

/** Older ones are removed. */
export const mostGenerations = 10;

/** Raw listings of every plane before a change. */
export type Snapshots = Partial<Readonly<Record<PlaneName, Snapshot>>>;

function nameOf(generation: number): string {
  return String(generation).padStart(6, "0");
}

function folderOf(root: string, generation: number): string {
  return join(root, nameOf(generation));
}

/** The numbers of the generations there are, ascending. Throws StateError. */
export function generationsIn(root: string): readonly number[] {
  const names = orStateError(`read ${root}`, () => {
    try {
      return readdirSync(root);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
      throw error;
    }
  });
  return names
    .filter((name) => /^\d{6,}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** Writes a generation, whole or not at all, and waits until it is on disk. Throws StateError. */
export function writeGeneration(root: string, record: GenerationRecord, desired: Desired, before: Snapshots): void {
  makeFolder(root);
  const name = `generations/${nameOf(record.generation)}`;
  const temporary = join(root, `.${nameOf(record.generation)}.new`);
  milestone(`before ${name}`);
  orStateError(`write ${folderOf(root, record.generation)}`, () => {
    try {
      rmSync(temporary, { recursive: true, force: true });
      const put = (path: string, text: string): void => {
        mkdirSync(dirname(join(temporary, path)), { recursive: true, mode: 0o700 });
        writeNew(join(temporary, path), text);
      };
      put("record.json", json(record));
      put("artifact/manifest.json", manifestText(desired.manifest));
      put("artifact/sources.json", desired.sources);
      for (const [path, text] of desired.files) put(`artifact/${path}`, text);
      for (const [plane, snapshot] of Object.entries(before)) put(`before/${plane}.json`, json(snapshot));
      syncFolders(temporary);
      renameSync(temporary, folderOf(root, record.generation));
      syncFolder(root);
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true });
      throw error;
    }
  });
  milestone(`after ${name}`);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** One line for each requirement and file, as in the artifact itself. */
function manifestText(manifest: Manifest): string {
  const value: Json = JSON.parse(JSON.stringify(manifest));
  return `${inlineJson(value)}\n`;
}

/** Throws StateError when there is none, or it is damaged. */
export function readRecord(root: string, generation: number): GenerationRecord {
  const path = join(folderOf(root, generation), "record.json");
  const text = readText(path);
  if (text === null) throw new StateError(`${path} is missing`);
  return parsed(path, text, recordSchema);
}

export function writeRecord(root: string, record: GenerationRecord): void {
  replaceFile(join(folderOf(root, record.generation), "record.json"), json(record));
}

/** The artifact of a generation. Throws StateError when it is not as it was written. */
export function readArtifact(root: string, record: GenerationRecord): Desired {
  const path = join(folderOf(root, record.generation), "artifact");
  try {
    return orStateError(`read ${path}`, () => desiredFrom(readNodeFolder(path), record.backend));
  } catch (error) {
    if (!(error instanceof ArtifactError)) throw error;
    const help = `move ${dirname(root)} away and apply again: that goes on from what the kernel holds`;
    throw new StateError(`${error.message}\n  = help: ${help}`);
  }
}

/** The listings from before a generation. Throws StateError. */
export function readSnapshots(root: string, generation: number): Snapshots {
  const folder = join(folderOf(root, generation), "before");
  const snapshots: Partial<Record<PlaneName, Snapshot>> = {};
  for (const plane of ["nftables", "iptables", "ipvs"] as const) {
    const path = join(folder, `${plane}.json`);
    const text = readText(path);
    if (text !== null) snapshots[plane] = parsed(path, text, snapshotSchema);
  }
  return snapshots;
}

/** Removes old generations but those in `kept`, and what a killed process left half written. */
export function pruneGenerations(root: string, kept: ReadonlySet<number>): void {
  const known = generationsIn(root);
  const old = known.slice(0, Math.max(0, known.length - mostGenerations)).filter((each) => !kept.has(each));
  orStateError(`remove old generations in ${root}`, () => {
    for (const generation of old) {
      // renamed first: what is left of a removal that was cut short is no generation
      const leaving = join(root, `.${nameOf(generation)}.new`);
      renameSync(folderOf(root, generation), leaving);
      rmSync(leaving, { recursive: true, force: true });
    }
    for (const name of readdirSync(root)) {
      if (/^\.\d{6,}\.new$/.test(name)) rmSync(join(root, name), { recursive: true, force: true });
    }
  });
}

/** A JSON text of the state folder as what its schema says. Throws StateError. */
export function parsed<T>(path: string, text: string, schema: { parse(value: unknown): T }): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new StateError(`${path} is damaged, or of another version of weir: move it away to begin anew`);
  }
}
