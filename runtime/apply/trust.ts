import { incarnation } from "../host/identity.ts";
import { tokenAfter, transactionsOf } from "../planes/generation.ts";
import type { PlaneName, Snapshot } from "../planes/plane.ts";
import { currentRecord, unfinished } from "../state/state.ts";
import type { Knowledge } from "./change.ts";
import type { PlannedStep } from "./plan.ts";
import { type PlaneView, planeOf } from "./planes.ts";
import type { Site, Spared, Views } from "./site.ts";

/** Planes that need not be read first: nobody has changed the plane in use since weir last knew what it holds. */
export interface Trusted {
  /** The plane in use, as if it had been read. */
  readonly view: PlaneView;
  /** null: it is only assumed. The plane is read after the change, and planned anew when it was not so. */
  readonly token: string | null;
  /** With the planes that held nothing when all were read last: what might appear there serves nobody by itself. */
  readonly views: Views;
}

/**
 * The plane of the current generation, when the kernel's own count of changes says that it holds exactly that: reading
 * a table of 200,000 elements to find that out again takes seconds. Planes that count nothing may be assumed to. null when
 * it must be read: somebody has changed something, the last change did not come to its end, the node was started anew.
 * `target` is the plane that is to be filled: when it is an empty one it is read all the same, because where its rules go
 * is found by looking. Throws HostError.
 */
export async function trustedPlane(site: Site, target: PlaneName): Promise<Trusted | null> {
  const { state } = site;
  const record = currentRecord(state);
  if (record === null || record.state !== "confirmed" || record.incarnation !== incarnation()) return null;
  if (unfinished(state) !== null) return null;
  const { tokens, facts, empty = [] } = state.current();
  const name = planeOf(record.backend);
  const token = tokens[name];
  const plane = site.planes.find((each) => each.name === name);
  if (plane === undefined || (await plane.generation(site.host)) !== (token ?? null)) return null;
  const own = facts?.[name] ?? {};
  if (!plane.suits(own) || (token === undefined && !plane.mayAssume(own))) return null;
  const view = plane.unchanged(state.artifact(record), record.generation, own);
  const views = new Map([[name, view]]);
  for (const each of site.planes) {
    if (empty.includes(each.name) && each.name !== target) views.set(each.name, await each.assume(null));
  }
  return { view, token: token ?? null, views };
}

/**
 * What need not be read again because the kernel's counts are now (`tokens`) what they were when all planes were read back
 * last: planes that held nothing then, and rules of a plane in the tables of another one. The plane `target` is to be
 * filled, and read in any case.
 */
export async function sparedBy(site: Site, tokens: Knowledge["tokens"], target: PlaneName): Promise<Spared> {
  const { tokens: last, facts = {}, empty = [] } = site.state.current();
  const isSame = (name: PlaneName | null): boolean =>
    name !== null && tokens[name] !== undefined && tokens[name] === last[name];
  const views = new Map<PlaneName, PlaneView>();
  const unchanged: Partial<Record<PlaneName, Snapshot>> = {};
  for (const plane of site.planes) {
    const { name } = plane;
    if (name !== target && empty.includes(name) && isSame(name)) views.set(name, await plane.assume(null));
    const kept = facts[name];
    if (kept !== undefined && isSame(plane.rulesIn) && plane.suits(kept)) unchanged[name] = kept;
  }
  return { views, unchanged };
}

/**
 * Whether the kernel is known to hold what it should without reading it: it held exactly the state before, took each
 * step as a transaction, and counts these transactions and no others. The token is that of now.
 */
export async function isProven(
  site: Site,
  trusted: Trusted,
  planned: readonly PlannedStep[],
): Promise<{ readonly token: string } | null> {
  const { name } = trusted.view;
  if (trusted.token === null || planned.some(({ plane }) => plane !== name)) return null;
  const token = tokenAfter(
    trusted.token,
    planned.reduce((sum, { step }) => sum + transactionsOf(step), 0),
  );
  const plane = site.planes.find((each) => each.name === name);
  return (await plane?.generation(site.host)) === token ? { token } : null;
}
