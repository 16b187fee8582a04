import type { Step } from "../../compiler/backends/step.ts";
import type { Applied } from "../desired/desired.ts";
import type { Host } from "../host/host.ts";
import { incarnation, ownProcess } from "../host/identity.ts";
import { lookAt } from "../host/look.ts";
import { milestone } from "../host/milestone.ts";
import type { PlaneName, Snapshot } from "../planes/plane.ts";
import { StateError } from "../state/error.ts";
import { mostGenerations } from "../state/generations.ts";
import type { GenerationRecord, Journal } from "../state/schema.ts";
import { currentRecord, type StateReader, type StateWriter, unfinished } from "../state/state.ts";
import type { BoundPlane, PlaneView } from "./planes.ts";

/** A node on which something is changed, with its state folder locked. */
export interface Site {
  readonly host: Host;
  readonly planes: readonly BoundPlane[];
  readonly state: StateWriter;
  /** The command line's word, for the journal: `apply`, `rollback`, … */
  readonly command: string;
  /** Throws HostError, with nothing changed where a step is a transaction. */
  execute(step: Step): Promise<void>;
  /** Whether the step would be taken; changes nothing. Throws HostError. */
  check(step: Step): Promise<void>;
  /** Sees to it that a keeper watches over the state folder: resolves when one does. Throws. */
  startKeeper(): Promise<void>;
  /** What is going on, for people; an empty text when it is over. */
  progress(text: string): Promise<void>;
  /** Why the work should stop before its next step: a signal; null when it should go on. */
  stopReason(): string | null;
}

/**
 * Artifacts that may have left something in the kernel: the current one, one whose change did not come to its end, and
 * those that drain, and `more` generations. One that cannot be read any more is left out.
 */
export function knownArtifacts(state: StateReader, more: readonly (number | null)[] = []): readonly Applied[] {
  const numbers = [state.current().generation, unfinished(state)?.generation ?? null, ...draining(state), ...more];
  const known: Applied[] = [];
  for (const number of new Set(numbers)) {
    const record = number === null ? null : state.recordIfKept(number);
    const artifact = record === null ? null : readable(state, record);
    if (artifact !== null) known.push(artifact);
  }
  return known;
}

/** Generations whose objects wait for their connections. */
function draining(state: StateReader): readonly number[] {
  return Object.values(state.draining()?.planes ?? {}).flatMap((each) => each?.leaving ?? []);
}

function readable(state: StateReader, record: GenerationRecord): Applied | null {
  try {
    return state.artifact(record);
  } catch (error) {
    if (error instanceof StateError) return null;
    throw error;
  }
}

export type Views = ReadonlyMap<PlaneName, PlaneView>;

/** What need not be read. */
export interface Spared {
  readonly views: Views;
  /** Of planes that are read but for their rules in the tables of another one: see `ObserveHints.unchanged`. */
  readonly unchanged: Readonly<Partial<Record<PlaneName, Snapshot>>>;
}

const nothingSpared: Spared = { views: new Map(), unchanged: {} };

/** Reads every plane, but what is spared. Throws HostError. */
export async function observeAll(
  site: Pick<Site, "host" | "planes">,
  known: readonly Applied[],
  spared: Spared = nothingSpared,
): Promise<Views> {
  const views = new Map<PlaneName, PlaneView>();
  const look = lookAt(site.host);
  for (const plane of site.planes) {
    const view = spared.views.get(plane.name);
    views.set(plane.name, view ?? (await plane.observe(look, known, spared.unchanged[plane.name])));
  }
  return views;
}

/** Carries one step out, between two milestones. Throws HostError. */
export async function takeStep(site: Site, step: Step, doing = ""): Promise<void> {
  milestone(`before ${doing}${step.kind}`);
  await site.execute(step);
  milestone(`after ${doing}${step.kind}`);
}

/** Writes how far a change is. */
export function journalize(
  site: Site,
  generation: number,
  phase: Journal["phase"],
  step: { readonly step: number; readonly steps: number } = { step: 0, steps: 0 },
): void {
  site.state.writeJournal({
    command: site.command,
    generation,
    phase,
    ...step,
    owner: ownProcess(),
    incarnation: incarnation(),
  });
}

/** Generations that must not be removed as old. */
export function neededGenerations(state: StateReader): ReadonlySet<number> {
  const current = currentRecord(state);
  // a generation may stand for what was there before the one after it
  const before = state
    .generations()
    .slice(-mostGenerations)
    .map((each) => state.recordIfKept(each)?.previous);
  return new Set(
    [current?.generation, current?.previous, unfinished(state)?.generation, ...draining(state), ...before].flatMap(
      (number) => number ?? [],
    ),
  );
}
