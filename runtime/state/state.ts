import { join } from "node:path";
import type { Desired } from "../desired/desired.ts";
import { incarnation } from "../host/identity.ts";
import { makeFolder, readText, removeFile, replaceFile } from "./files.ts";
import {
  generationsIn,
  parsed,
  pruneGenerations,
  readArtifact,
  readRecord,
  readSnapshots,
  type Snapshots,
  writeGeneration,
  writeRecord,
} from "./generations.ts";
import {
  type Current,
  currentSchema,
  type Draining,
  drainingSchema,
  type GenerationRecord,
  type GenerationState,
  type Journal,
  journalSchema,
} from "./schema.ts";

export const usualStateFolder = "/var/lib/weir";

/**
 * What weir knows of a node, in a folder. Reading needs no lock: every file is replaced whole. Writing is for who
 * holds the lock. All methods throw StateError.
 */
export interface StateReader {
  readonly path: string;
  current(): Current;
  /** The change that was begun last; null when there was none. */
  journal(): Journal | null;
  draining(): Draining | null;
  /** Ascending. */
  generations(): readonly number[];
  record(generation: number): GenerationRecord;
  /** null when it was removed as too old. */
  recordIfKept(generation: number): GenerationRecord | null;
  artifact(record: GenerationRecord): Desired;
  /** What the planes held before a generation was applied. */
  snapshots(generation: number): Snapshots;
}

export interface StateWriter extends StateReader {
  writeCurrent(current: Omit<Current, "format" | "incarnation">): void;
  writeJournal(journal: Omit<Journal, "format">): void;
  /** null: nothing drains. */
  writeDraining(draining: Omit<Draining, "format"> | null): void;
  addGeneration(record: GenerationRecord, desired: Desired, before: Snapshots): void;
  /** Enters another state of a generation. */
  markGeneration(generation: number, state: GenerationState, reason: string | null): GenerationRecord;
  replaceRecord(record: GenerationRecord): void;
  prune(kept: ReadonlySet<number>): void;
}

/** Reads a state folder, which need not exist: then nothing is known. */
export function stateReader(path: string): StateReader {
  return readerWith(path, new Map());
}

/** `artifacts`: those that are known already, by generation. */
function readerWith(path: string, artifacts: Map<number, Desired>): StateReader {
  const root = join(path, "generations");
  return {
    path,
    current: () => {
      const file = join(path, "current.json");
      const text = readText(file);
      if (text === null) return { format: 1, generation: null, incarnation: incarnation(), tokens: {} };
      return parsed(file, text, currentSchema);
    },
    journal: () => {
      const file = join(path, "journal.json");
      const text = readText(file);
      return text === null ? null : parsed(file, text, journalSchema);
    },
    draining: () => {
      const file = join(path, "draining.json");
      const text = readText(file);
      if (text === null) return null;
      const draining = parsed(file, text, drainingSchema);
      // what drained before the last boot is gone with the rest of that kernel
      return draining.incarnation === incarnation() ? draining : null;
    },
    generations: () => generationsIn(root),
    record: (generation) => readRecord(root, generation),
    recordIfKept: (generation) => (generationsIn(root).includes(generation) ? readRecord(root, generation) : null),
    artifact: (record) => {
      // they never change, and those of a large node take a second to read and to parse
      const known = artifacts.get(record.generation) ?? readArtifact(root, record);
      artifacts.set(record.generation, known);
      return known;
    },
    snapshots: (generation) => readSnapshots(root, generation),
  };
}

/** For the holder of the lock; makes the folder when it is not there. Throws StateError. */
export function stateWriter(path: string): StateWriter {
  makeFolder(path);
  const root = join(path, "generations");
  const artifacts = new Map<number, Desired>();
  const reader = readerWith(path, artifacts);
  const put = (name: string, value: unknown): void =>
    replaceFile(join(path, name), `${JSON.stringify(value, null, 2)}\n`);
  return {
    ...reader,
    writeCurrent: (current) => put("current.json", { format: 1, ...current, incarnation: incarnation() }),
    writeJournal: (journal) => put("journal.json", { format: 1, ...journal }),
    writeDraining: (draining) => {
      if (draining === null) removeFile(join(path, "draining.json"));
      else put("draining.json", { format: 1, ...draining });
    },
    addGeneration: (record, desired, before) => {
      writeGeneration(root, record, desired, before);
      artifacts.set(record.generation, desired);
    },
    markGeneration: (generation, state, reason) => {
      const record = { ...readRecord(root, generation), state, reason, changedAt: new Date().toISOString() };
      writeRecord(root, record);
      return record;
    },
    replaceRecord: (record) => writeRecord(root, record),
    prune: (kept) => pruneGenerations(root, kept),
  };
}

/**
 * The generation that was put into the kernel last, null when none is. It stays so after a reboot: what its
 * `incarnation` says tells whether it is still there.
 */
export function currentRecord(state: StateReader): GenerationRecord | null {
  const { generation } = state.current();
  return generation === null ? null : state.recordIfKept(generation);
}

/**
 * The generation to put back after a reboot: the one that was current, or the last confirmed one before it. What waited
 * for a confirmation when the node went down was not confirmed.
 */
export function lastConfirmed(state: StateReader): GenerationRecord | null {
  for (let record = currentRecord(state); record !== null; ) {
    if (record.state === "confirmed") return record;
    record = record.previous === null ? null : state.recordIfKept(record.previous);
  }
  return null;
}

/** A change that was begun and not brought to an end: a process was killed, or going back did not succeed. */
export function unfinished(state: StateReader): Journal | null {
  const journal = state.journal();
  return journal === null || journal.phase === "done" ? null : journal;
}
