import type { Applied } from "../desired/desired.ts";
import { bootMilliseconds, incarnation } from "../host/identity.ts";
import type { PlaneName } from "../planes/plane.ts";
import type { Draining } from "../state/schema.ts";
import { currentRecord } from "../state/state.ts";
import { planeOf } from "./planes.ts";
import { knownArtifacts, type Site, takeStep, type Views } from "./site.ts";

interface DrainOptions {
  /** Generations whose objects may have to wait for their connections. */
  readonly leaving: readonly number[];
  /** When what still waits goes anyhow, on the clock of the boot; null: as said before, or at once. */
  readonly deadlineMs: number | null;
  /** What the planes held a moment ago, of those that were read. */
  readonly views?: Views;
}

type Entry = NonNullable<Draining["planes"][PlaneName]>;

/**
 * Removes what has no connections left, or is overdue, writes down what still waits, and sees to it that a keeper
 * comes back for it. The desired state is that of the current generation. Returns how many objects wait.
 */
export async function settleDrains(site: Site, options: DrainOptions): Promise<number> {
  const record = currentRecord(site.state);
  const before = site.state.draining();
  const current: Applied | null = record === null ? null : site.state.artifact(record);
  const known = [...knownArtifacts(site.state), ...artifactsOf(site, options.leaving)];
  const planes: Partial<Record<PlaneName, Entry>> = {};
  for (const plane of site.planes) {
    const said = before?.planes[plane.name];
    const after = current !== null && planeOf(current.backend) === plane.name ? current : null;
    const isConcerned =
      said !== undefined || after !== null || known.some(({ backend }) => planeOf(backend) === plane.name);
    if (plane.drain === null || !isConcerned) continue;
    // what began to drain earlier gets the later deadline too: better late than a connection that is cut
    const deadline = Math.max(said?.deadline ?? 0, options.deadlineMs ?? 0);
    const isOverdue = deadline <= bootMilliseconds();
    const { steps, waiting } = await plane.drain(
      site.host,
      known,
      after,
      isOverdue,
      options.views?.get(plane.name) ?? null,
    );
    for (const step of steps) {
      await takeStep(site, step, "draining ");
    }
    if (waiting === 0) continue;
    planes[plane.name] = { waiting, deadline, leaving: [...new Set([...(said?.leaving ?? []), ...options.leaving])] };
  }
  const waiting = Object.values(planes).reduce((sum, entry) => sum + (entry?.waiting ?? 0), 0);
  if (waiting > 0 || before !== null) {
    const draining = { planes, incarnation: incarnation() };
    // nothing to write when each second finds the same
    if (JSON.stringify(before?.planes) !== JSON.stringify(planes)) {
      site.state.writeDraining(waiting === 0 ? null : draining);
    }
  }
  if (waiting > 0) await site.startKeeper();
  return waiting;
}

function artifactsOf(site: Site, generations: readonly number[]): readonly Applied[] {
  return generations.flatMap((generation) => {
    const record = site.state.recordIfKept(generation);
    return record === null ? [] : [site.state.artifact(record)];
  });
}
