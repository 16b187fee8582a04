import { knownArtifacts } from "../apply/site.ts";
import type { Desired } from "../desired/desired.ts";
import { type BackendProgram, programOf } from "../desired/programs.ts";
import type { Host } from "../host/host.ts";
import { bootMilliseconds, incarnation, isAlive } from "../host/identity.ts";
import type { PlaneName } from "../planes/plane.ts";
import { silentListeners, silentText } from "../preflight/proxy-listening.ts";
import { byHand, type GenerationRecord } from "../state/schema.ts";
import { currentRecord, lastConfirmed, type StateReader, unfinished } from "../state/state.ts";
import { observePlanes } from "./observe.ts";
import { type Counts, countsOf, type Drift, driftOf, isClean } from "./report.ts";

/** What a node holds, against what it should hold. */
export interface Status {
  /** `nothing`: nothing is applied, and nothing of weir's is there. */
  readonly state: "in-sync" | "drift" | "nothing";
  /** What the kernel was compared with; null: with nothing. */
  readonly against: Against | null;
  /** What was applied last, as the state folder says; null when nothing is. */
  readonly applied: AppliedGeneration | null;
  readonly counts: Counts | null;
  readonly drift: Drift;
  readonly pending: Pending | null;
  readonly unfinished: Unfinished | null;
  readonly draining: readonly Draining[];
  /** What else should be known, in sentences. */
  readonly notes: readonly string[];
}

export interface Against {
  readonly node: string;
  readonly backend: BackendProgram["backend"];
  /** The generation that it was taken from; null when it was given on the command line. */
  readonly generation: number | null;
  readonly spec: string;
  /** As it was typed when it was applied, or now. */
  readonly from: string;
}

export interface AppliedGeneration {
  readonly generation: number;
  readonly state: GenerationRecord["state"];
  readonly node: string;
  readonly backend: BackendProgram["backend"];
  /** ISO 8601. */
  readonly appliedAt: string;
}

/** A change that waits for `weir confirm`. */
export interface Pending {
  readonly generation: number;
  /** 0 when the time is over and nobody has acted on it yet; null while it is still being applied. */
  readonly secondsLeft: number | null;
}

/** A change that was begun and not brought to its end. */
export interface Unfinished {
  readonly generation: number;
  readonly command: string;
  readonly phase: string;
  readonly step: number;
  readonly steps: number;
  /** Its process still works on it. */
  readonly isRunning: boolean;
}

export interface Draining {
  readonly plane: PlaneName;
  /** Objects that stay until their connections end. */
  readonly waiting: number;
  readonly secondsLeft: number;
}

/**
 * Compares the kernel with what was applied last, or with `given`. Needs no lock and changes nothing.
 * Throws HostError when a plane cannot be read, StateError for a damaged state folder, ParseError for a bad artifact.
 */
export async function readStatus(host: Host, state: StateReader, given: Desired | null): Promise<Status> {
  const current = currentRecord(state);
  const expected = expectedRecord(state);
  const desired = given ?? (expected === null ? null : state.artifact(expected));
  const program = desired === null ? null : await programOf(desired);
  const known = await Promise.all(knownArtifacts(state).map(programOf));
  const planes = await observePlanes(host, program, program === null ? known : [...known, program]);
  const drift = driftOf(planes, program);
  const isEmpty = program === null && planes.every(({ kernel }) => kernel === null);
  return {
    state: isClean(drift) ? (isEmpty ? "nothing" : "in-sync") : "drift",
    against: desired === null ? null : againstOf(desired, given === null ? expected : null),
    applied: current === null ? null : appliedOf(current),
    counts: program === null ? null : countsOf(program),
    drift,
    pending: pendingOf(current),
    unfinished: unfinishedOf(state),
    draining: drainingOf(state),
    notes: [
      ...revertedNotes(state, current),
      ...notesOf(current, expected, desired),
      ...(program === null ? [] : await proxyNotes(host, program)),
    ],
  };
}

/** What is to be there: the current generation, but one that a reboot has overtaken before it was confirmed. */
function expectedRecord(state: StateReader): GenerationRecord | null {
  const current = currentRecord(state);
  const isOvertaken = current?.state === "pending" && current.incarnation !== incarnation();
  return isOvertaken ? lastConfirmed(state) : current;
}

function againstOf(desired: Desired, record: GenerationRecord | null): Against {
  return {
    node: desired.node,
    backend: desired.backend,
    generation: record?.generation ?? null,
    spec: desired.manifest.spec,
    from: record?.from ?? desired.from,
  };
}

function appliedOf({ generation, state, node, backend, startedAt }: GenerationRecord): AppliedGeneration {
  return { generation, state, node, backend, appliedAt: startedAt };
}

function pendingOf(record: GenerationRecord | null): Pending | null {
  if (record?.state !== "pending" || record.incarnation !== incarnation()) return null;
  const deadline = record.confirm?.deadline ?? null;
  return { generation: record.generation, secondsLeft: deadline === null ? null : secondsUntil(deadline) };
}

function secondsUntil(deadline: number): number {
  return Math.max(0, Math.ceil((deadline - bootMilliseconds()) / 1000));
}

function unfinishedOf(state: StateReader): Unfinished | null {
  const journal = unfinished(state);
  if (journal === null || journal.incarnation !== incarnation()) return null;
  const { generation, command, phase, step, steps, owner } = journal;
  return { generation, command, phase, step, steps, isRunning: isAlive(owner) };
}

function drainingOf(state: StateReader): readonly Draining[] {
  const planes = state.draining()?.planes ?? {};
  return (["nftables", "iptables", "ipvs"] as const).flatMap((plane) => {
    const entry = planes[plane];
    return entry === undefined ? [] : [{ plane, waiting: entry.waiting, secondsLeft: secondsUntil(entry.deadline) }];
  });
}

/** The last change was taken back by itself, or never was whole: whoever made it may not know. */
function revertedNotes(state: StateReader, current: GenerationRecord | null): readonly string[] {
  const newest = state.generations().at(-1);
  const record = newest === undefined || newest === current?.generation ? null : state.recordIfKept(newest);
  if (record === null || (record.state !== "rolled-back" && record.state !== "failed")) return [];
  if (record.reason === byHand) return [];
  const what = record.state === "failed" ? "was not applied" : "was rolled back";
  return [`generation ${record.generation} ${what} (${record.changedAt})${record.reason ? `: ${record.reason}` : ""}`];
}

/** Rules that lead to nobody are as they should be, and serve nothing. */
async function proxyNotes(host: Host, expected: BackendProgram): Promise<readonly string[]> {
  if (expected.backend !== "userspace") return [];
  const { listeners } = expected.program.table;
  const text = silentText(await silentListeners(host, listeners), listeners.length);
  return text === null ? [] : [text];
}

function notesOf(
  current: GenerationRecord | null,
  expected: GenerationRecord | null,
  desired: Desired | null,
): readonly string[] {
  const notes: string[] = [];
  if (current !== null && current.incarnation !== incarnation()) {
    notes.push(
      `this node, or its network namespace, was started anew since generation ${current.generation} was applied: weir apply --last puts it back`,
    );
    if (current !== expected) notes.push(`generation ${current.generation} was not confirmed before that`);
  }
  if (current !== null && desired !== null && current.node !== desired.node) {
    notes.push(`this node was applied as ${current.node}, and it is compared with what ${desired.node} should hold`);
  }
  if (current !== null && desired !== null && current.backend !== desired.backend) {
    notes.push(`this node runs the backend ${current.backend}, and it is compared with one for ${desired.backend}`);
  }
  return notes;
}
