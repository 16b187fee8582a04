import { type Family, families } from "../../net/address.ts";
import { placeText } from "./delta-places.ts";
import { compareElements } from "./elements.ts";
import { type SetName, setName } from "./names.ts";
import { printElement, roomFor } from "./print-sets.ts";
import type { IpSet, IpvsProgram, SetElement } from "./program.ts";

/** A change of a set. `fill` makes a set with its elements, `replace` does so in place of one that is in use. */
export type SetEdit =
  | { readonly kind: "fill" | "replace"; readonly set: IpSet }
  | { readonly kind: "add" | "change" | "delete"; readonly set: IpSet; readonly element: SetElement }
  | { readonly kind: "destroy"; readonly set: IpSet };

/** Changes of sets by when they are made. */
export interface SetDelta {
  /** Before virtual servers: what restricts packets, or translates their source. */
  readonly prepare: readonly SetEdit[];
  /** Virtual servers are there: packets are led to them, and no longer to those that go. */
  readonly lead: readonly SetEdit[];
  /** Real servers that go are gone: what only they needed. */
  readonly release: readonly SetEdit[];
  /** No rule speaks of the set any more. */
  readonly destroy: readonly SetEdit[];
}

type Moment = "prepare" | "lead" | "release";

/**
 * When elements come and when they go; within a moment in the order of this table, first what comes, then what goes in
 * the reverse order. So sources are allowed before an address is restricted to them and forbidden after that has ended;
 * what is for pods or the node alone is there before what is for anyone; addresses are declared after they are served,
 * because a declared address without service is refused; servers that may be sent to themselves are translated for as
 * long as they are there.
 */
const moments: Readonly<Record<SetName, { readonly comes: Moment; readonly goes: Moment }>> = {
  hairpin: { comes: "prepare", goes: "release" },
  allowed: { comes: "prepare", goes: "lead" },
  nodePortsAllowed: { comes: "prepare", goes: "lead" },
  ranged: { comes: "prepare", goes: "lead" },
  nodePortsRanged: { comes: "prepare", goes: "lead" },
  frontendsPod: { comes: "lead", goes: "lead" },
  frontendsNode: { comes: "lead", goes: "lead" },
  nodePortsPod: { comes: "lead", goes: "lead" },
  nodePortsNode: { comes: "lead", goes: "lead" },
  frontends: { comes: "lead", goes: "lead" },
  nodePorts: { comes: "lead", goes: "lead" },
  addresses: { comes: "lead", goes: "release" },
  vips: { comes: "lead", goes: "lead" },
  ranges: { comes: "lead", goes: "lead" },
  pods: { comes: "lead", goes: "lead" },
};

const roles = Object.keys(moments).filter((name): name is SetName => name in moments);
const roleOf: ReadonlyMap<string, SetName> = new Map(
  families.flatMap((family) => roles.map((role) => [setName(family, role), role] as const)),
);

/**
 * Changes from the sets of one program to those of another.
 * @param masquerade by family, the bit that has connections masqueraded; 0 when the programs use different ones
 */
export function deltaSets(
  before: readonly IpSet[],
  after: readonly IpSet[],
  masquerade: Readonly<Record<Family, number>>,
): SetDelta {
  const delta = { prepare: [] as SetEdit[], lead: [] as SetEdit[], release: [] as SetEdit[] };
  const old = new Map(before.map((set) => [set.name, set]));
  const leaving: { readonly moment: Moment; readonly edit: SetEdit }[] = [];
  for (const set of inOrder(after)) {
    const known = old.get(set.name);
    if (known === undefined) delta.prepare.push({ kind: "fill", set });
    else if (mustBeReplaced(known, set)) delta.lead.push({ kind: "replace", set });
    else {
      const { comes, goes } = moments[roleOf.get(set.name) ?? "pods"];
      for (const { is, was } of changesOf(known.elements, set.elements)) {
        if (is === null) {
          if (was !== null) leaving.push({ moment: goes, edit: { kind: "delete", set, element: was } });
        } else if (was === null) delta[comes].push({ kind: "add", set, element: is });
        else delta[momentOf(was, is, masquerade[set.family])].push({ kind: "change", set, element: is });
      }
    }
  }
  for (const { moment, edit } of leaving.reverse()) delta[moment].push(edit);
  const wanted = new Set(after.map((set) => set.name));
  const destroy = before.filter((set) => !wanted.has(set.name)).map((set): SetEdit => ({ kind: "destroy", set }));
  return { ...delta, destroy };
}

function inOrder(sets: readonly IpSet[]): readonly IpSet[] {
  const rank = (set: IpSet) => roles.indexOf(roleOf.get(set.name) ?? "pods");
  return [...sets].sort((a, b) => rank(a) - rank(b));
}

/** A set keeps what it was created with. Sets of another type cannot stand in for each other: see `hasOtherType`. */
function mustBeReplaced(before: IpSet, after: IpSet): boolean {
  if (before.hasActions !== after.hasActions || before.hasComments !== after.hasComments) return true;
  return roomFor(after.elements.length) > roomFor(before.elements.length);
}

/** The kernel swaps only sets of one type and family. */
export function hasOtherType(before: IpSet, after: IpSet): boolean {
  return before.kind !== after.kind || before.family !== after.family;
}

interface Change {
  readonly was: SetElement | null;
  readonly is: SetElement | null;
}

/** Elements of two sorted lists that are not alike in both. */
function changesOf(before: readonly SetElement[], after: readonly SetElement[]): readonly Change[] {
  const changes: Change[] = [];
  let [old, fresh] = [0, 0];
  while (old < before.length || fresh < after.length) {
    const [was, is] = [before[old] ?? null, after[fresh] ?? null];
    const order = was === null ? 1 : is === null ? -1 : compareElements(was, is);
    if (order < 0) changes.push({ was, is: null });
    else if (order > 0) changes.push({ was: null, is });
    else if (was !== null && is !== null && !isSame(was, is)) changes.push({ was, is });
    if (order <= 0) old++;
    if (order >= 0) fresh++;
  }
  return changes;
}

function isSame(a: SetElement, b: SetElement): boolean {
  return a === b || printElement(a) === printElement(b);
}

/**
 * A service that starts to masquerade does so before it gets servers that answer only through this node, one that stops
 * when they are gone. Anything else changes when the virtual servers for it are there.
 */
function momentOf(was: SetElement, is: SetElement, masquerade: number): Moment {
  if (masquerade === 0 || !("action" in was) || !("action" in is)) return "lead";
  if (was.action === null || is.action === null || was.action.mask !== is.action.mask) return "lead";
  if ((was.action.value ^ is.action.value) >>> 0 !== masquerade >>> 0) return "lead";
  return (is.action.value & masquerade) === 0 ? "release" : "prepare";
}

/** Service keys by place, for elements that carry none themselves. */
export function keysByPlace(programs: readonly (IpvsProgram | null)[]): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  for (const { sets } of programs.flatMap((program) => (program === null ? [] : [program]))) {
    for (const element of sets.flatMap((set) => set.elements)) {
      if (!("comment" in element)) continue;
      const { protocol, port, comment } = element;
      const address = element.kind === "ip-port" ? element.address : null;
      const family = element.kind === "ip-port" ? element.address.family : element.prefix.address.family;
      keys.set(placeText({ family, address, protocol, port }), comment);
    }
  }
  return keys;
}
