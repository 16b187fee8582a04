import type { IrEndpoint, IrPool } from "../../ir/ir.ts";
import type { PoolNumber } from "./names.ts";

/**
 * Slots and numbers of a pool's endpoints. Both are class ids in the program's maps: bits 24 up name the pool of the
 * frontend, bit 23 tells an endpoint's own number (1) from a slot (0).
 */

/** Where the class ids of pool 1 begin; a range that no qdisc handle of practice uses. */
const firstPool = 0x57;

/** Every class id that a program sets: what postrouting takes back. */
export const classRange = { first: firstPool * 0x1000000, last: (firstPool + 3) * 0x1000000 - 1 } as const;

const endpointBit = 0x800000;
const numberMask = 0x7fffff;

/** The class id of slot 0 of a pool; the pool's number is in the upper byte. */
export function slotBase(pool: PoolNumber): number {
  return (firstPool + pool - 1) * 0x1000000;
}

/** The class ids of the endpoints of one pool. */
export function endpointRange(pool: PoolNumber): { readonly first: number; readonly last: number } {
  const base = slotBase(pool) + endpointBit;
  return { first: base, last: base + numberMask };
}

/** The most slots a pool may have in the shared maps, unless its endpoints own few slots each. */
const slotLimit = 1024;

/** Whether every slot of the pool gets an element; otherwise the pool has a chain and a map of ranges of its own. */
export function fitsSlots(pool: IrPool): boolean {
  return pool.totalWeight <= Math.max(slotLimit, 2 * pool.endpoints.length);
}

/** Slots below this number are tried for small pools too, so that growing by one does not move everything. */
const leastTable = 16;

/**
 * The slots of each endpoint, ascending, one endpoint after the other: as many as its weight, together 0 to
 * totalWeight - 1, so that a uniform slot is a choice by weight. Slots by position would move all later endpoints when
 * one comes or goes; here an endpoint has a preference for slots that depends on nothing but itself, and a slot goes to
 * the one that wants it most. That assignment (a stable matching) is unique, so it is a pure function of the set of
 * endpoints, and an endpoint replaced among eight moves two or three others' slots.
 */
export function slotsOf(pool: IrPool): readonly number[] {
  const seeds: number[] = [];
  for (const endpoint of pool.endpoints) {
    const seed = endpointHash(endpoint);
    for (let copy = 0; copy < endpoint.weight; copy++) seeds.push(mix(seed + Math.imul(copy, 0x9e3779b9)));
  }
  const slots = matchItems(seeds);
  if (slots.length === pool.endpoints.length) return slots;
  let first = 0;
  return pool.endpoints.flatMap(({ weight }) => {
    first += weight;
    return slots.slice(first - weight, first).sort((a, b) => a - b);
  });
}

/** The slot that each item gets. Items propose in the order of their own costs; a slot keeps the lowest cost. */
function matchItems(seeds: readonly number[]): readonly number[] {
  const count = seeds.length;
  let size = leastTable;
  while (size < count) size *= 2;
  // Plain arrays: of 20,000 pools with eight items each, typed ones would cost more than the matching.
  const owners = new Array<number>(count).fill(-1);
  const ownerCosts = new Array<number>(count).fill(0);
  const costs = new Array<number>(count).fill(0);
  const probes = new Array<number>(count).fill(0);
  for (let item = 0; item < count; item++) {
    let proposer = item;
    while (proposer !== -1) {
      const seed = seeds[proposer] ?? 0;
      const probe = probes[proposer] ?? 0;
      // An odd step visits every slot of a power of two once.
      const slot = (seed + Math.imul(probe, mix(seed ^ 0x9e3779b9) | 1)) & (size - 1);
      const cost = (costs[proposer] ?? 0) + 1 + (mix(seed + Math.imul(probe, 0x632be5ab)) & 0xffff);
      probes[proposer] = probe + 1;
      costs[proposer] = cost;
      if (slot >= count) continue;
      const owner = owners[slot] ?? -1;
      // On equal costs the larger seed wins, never the one that came first.
      const wins =
        owner === -1 || cost < (ownerCosts[slot] ?? 0) || (cost === ownerCosts[slot] && seed > (seeds[owner] ?? 0));
      if (!wins) continue;
      owners[slot] = proposer;
      ownerCosts[slot] = cost;
      proposer = owner;
    }
  }
  const slots = new Array<number>(count).fill(0);
  owners.forEach((owner, slot) => {
    slots[owner] = slot;
  });
  return slots;
}

/**
 * A number of 23 bits for each endpoint, from its address and port, so that it stays the same whatever else is in the
 * pool. Two endpoints with one hash: the later one in address order takes the next free number.
 */
export function endpointNumbers(pool: IrPool): readonly number[] {
  const taken = new Set<number>();
  return pool.endpoints.map((endpoint) => {
    let number = endpointHash(endpoint) & numberMask;
    while (taken.has(number)) number = (number + 1) & numberMask;
    taken.add(number);
    return number;
  });
}

function endpointHash(endpoint: IrEndpoint): number {
  let hash = 0x811c9dc5;
  const { text } = endpoint.address;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return mix(hash ^ Math.imul(endpoint.port, 0x85ebca6b));
}

/** The 32-bit finisher of MurmurHash3: every bit of the input changes half of the output. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
