import type { BackendName } from "../../compiler/backends/backend.ts";
import type { Step } from "../../compiler/backends/step.ts";
import { InternalError } from "../../compiler/result.ts";
import type { Applied } from "../desired/desired.ts";
import { withoutUnchanged } from "../desired/programs.ts";
import type { Host } from "../host/host.ts";
import type { ForeignPart, Observed, Plane, PlaneName, PlanOptions, Snapshot } from "../planes/plane.ts";

/** What a plane holds at a moment. Plans are made from it and an artifact; the programs inside are the plane's affair. */
export interface PlaneView {
  readonly name: PlaneName;
  /** Nothing of weir's is there. */
  readonly isEmpty: boolean;
  readonly foreign: readonly ForeignPart[];
  readonly snapshot: Snapshot;
  /** The steps to an artifact of the plane's backend, null to remove everything. Throws ParseError of a bad artifact. */
  plan(after: Applied | null, options?: PlanOptions): Promise<readonly Step[]>;
  restore(snapshot: Snapshot): readonly Step[];
}

export interface Drained {
  readonly steps: readonly Step[];
  readonly waiting: number;
}

/** A plane that takes artifacts, whatever its type of program is. */
export interface BoundPlane {
  readonly name: PlaneName;
  /** `known`: artifacts that were applied, or were about to be; `unchanged`: see ObserveHints. Throws HostError. */
  observe(host: Host, known: readonly Applied[], unchanged?: Snapshot): Promise<PlaneView>;
  /** As if the kernel held exactly this. */
  assume(applied: Applied | null): Promise<PlaneView>;
  /** The same for a generation that the kernel is known to hold: plans take time by what changes. */
  unchanged(applied: Applied, generation: number, facts: Snapshot): PlaneView;
  /** What a view knows of the node besides the program. */
  facts(view: PlaneView): Snapshot;
  generation(host: Host): Promise<string | null>;
  mayAssume(facts: Snapshot): boolean;
  /** See Plane. */
  suits(facts: Snapshot): boolean;
  /** See Plane; null when it has none in another one. */
  readonly rulesIn: PlaneName | null;
  readonly drain:
    | ((
        host: Host,
        known: readonly Applied[],
        after: Applied | null,
        isOverdue: boolean,
        seen: PlaneView | null,
      ) => Promise<Drained>)
    | null;
}

const generationName = "generation";

/** A snapshot of a plane that held exactly what a generation says: the generation stands for it. */
function generationSnapshot(generation: number): Snapshot {
  return { [generationName]: String(generation) };
}

/** The generation that stands for a snapshot; null for one that holds listings. */
export function generationOfSnapshot(snapshot: Snapshot): number | null {
  const text = snapshot[generationName];
  return text === undefined ? null : Number(text);
}

/** The part of the kernel that a backend uses. */
export function planeOf(backend: BackendName): PlaneName {
  return backend === "userspace" ? "iptables" : backend;
}

/** Hides a plane's type of program behind artifacts; each artifact is parsed once. */
export function bindPlane<P>(plane: Plane<P>, parse: (applied: Applied) => Promise<P>): BoundPlane {
  const programs = new WeakMap<Applied, Promise<P>>();
  const programOf = (applied: Applied): Promise<P> => {
    const known = programs.get(applied) ?? parse(applied);
    programs.set(applied, known);
    return known;
  };
  const own = (known: readonly Applied[]): Promise<readonly P[]> =>
    Promise.all(known.filter(({ backend }) => planeOf(backend) === plane.name).map(programOf));
  const observations = new WeakMap<PlaneView, Observed<P>>();
  const view = (now: Observed<P>): PlaneView => {
    const made: PlaneView = {
      name: plane.name,
      isEmpty: now.program === null,
      foreign: now.foreign,
      snapshot: now.snapshot,
      plan: async (after, options) => plane.plan(now, after === null ? null : await programOf(after), options),
      restore: (snapshot) => plane.restore(now, snapshot),
    };
    observations.set(made, now);
    return made;
  };
  const unchanged = (applied: Applied, generation: number, facts: Snapshot): PlaneView => ({
    name: plane.name,
    isEmpty: false,
    foreign: [],
    snapshot: generationSnapshot(generation),
    plan: async (after, options) => {
      const pair = after === null ? { before: applied, after } : await withoutUnchanged(applied, after);
      const now = { program: await programOf(pair.before), foreign: [], snapshot: facts };
      return plane.plan(now, pair.after === null ? null : await programOf(pair.after), options);
    },
    restore: () => {
      throw new InternalError("a plane is read before a snapshot is put back");
    },
  });
  const { drain } = plane;
  return {
    name: plane.name,
    observe: async (host, known, unchanged) =>
      view(await plane.observe(host, { known: await own(known), ...(unchanged === undefined ? {} : { unchanged }) })),
    assume: async (applied) =>
      view({ program: applied === null ? null : await programOf(applied), foreign: [], snapshot: {} }),
    unchanged,
    facts: ({ snapshot }) => plane.facts?.(snapshot) ?? {},
    generation: (host) => plane.generation(host),
    mayAssume: (facts) => plane.mayAssume?.(facts) ?? false,
    suits: (facts) => plane.suits?.(facts) ?? true,
    rulesIn: plane.rulesIn ?? null,
    drain:
      drain === undefined
        ? null
        : async (host, known, after, isOverdue, seen) =>
            drain(
              host,
              { known: await own(known) },
              after === null ? null : await programOf(after),
              isOverdue,
              (seen === null ? null : observations.get(seen)) ?? null,
            ),
  };
}
