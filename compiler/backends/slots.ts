import type { IrEndpoint } from "../ir/ir.ts";

/** Below so many endpoints every one is compared with every slot; above, most find theirs by a few probes first. */
const fewEndpoints = 64;
const probes = 16;

/**
 * The endpoints of a pool in the order in which rules list them: slot 0, slot 1, and so on. A pure function of their
 * addresses and ports that hardly moves the others when one is replaced, added or removed, as address order would:
 * of eight endpoints a replaced one moves two on average, where address order moves three and at worst all.
 *
 * Each endpoint ranks the free slots by a hash of both (rendezvous hashing); of those that want the same slot one gets
 * it, by its own hash, and the rest choose again among what is left.
 */
export function slotOrder(endpoints: readonly IrEndpoint[]): readonly IrEndpoint[] {
  if (endpoints.length < 2) return endpoints;
  const slots: (IrEndpoint | null)[] = endpoints.map(() => null);
  let waiting: readonly Candidate[] = endpoints.map((endpoint) => ({ endpoint, hash: hashOf(endpoint) }));
  for (let round = 0; round < probes && waiting.length > fewEndpoints; round++) {
    waiting = settle(slots, waiting, ({ hash }) => {
      const slot = consistentSlot(mix(hash ^ round), slots.length);
      return slots[slot] === null ? slot : null;
    });
  }
  while (waiting.length > 0) {
    const free = slots.flatMap((holder, slot) => (holder === null ? [slot] : []));
    waiting = settle(slots, waiting, ({ hash }) => favouriteOf(hash, free));
  }
  return slots.flatMap((endpoint) => endpoint ?? []);
}

interface Candidate {
  readonly endpoint: IrEndpoint;
  readonly hash: number;
}

/** Gives each wanted slot to the candidate with the greatest hash, the first of equals; returns those without one. */
function settle(
  slots: (IrEndpoint | null)[],
  waiting: readonly Candidate[],
  wishOf: (candidate: Candidate) => number | null,
): readonly Candidate[] {
  const winners = new Map<number, Candidate>();
  const left: Candidate[] = [];
  for (const candidate of waiting) {
    const slot = wishOf(candidate);
    const rival = slot === null ? undefined : winners.get(slot);
    if (slot === null || (rival !== undefined && rival.hash >= candidate.hash)) left.push(candidate);
    else {
      if (rival !== undefined) left.push(rival);
      winners.set(slot, candidate);
    }
  }
  for (const [slot, candidate] of winners) slots[slot] = candidate.endpoint;
  return left;
}

function favouriteOf(hash: number, free: readonly number[]): number | null {
  let best: number | null = null;
  let greatest = -1;
  for (const slot of free) {
    const rank = mix(hash ^ Math.imul(slot + 1, 0x9e3779b1));
    if (rank > greatest) [best, greatest] = [slot, rank];
  }
  return best;
}

/** Jump consistent hashing (Lamping and Veach): one more slot moves one in `slots` of the keys. */
function consistentSlot(key: number, slots: number): number {
  let at = -1;
  let next = 0;
  let state = key;
  while (next < slots) {
    at = next;
    state = mix(state + 0x9e3779b9);
    next = Math.floor((at + 1) / ((state + 1) / 2 ** 32));
  }
  return at;
}

/** FNV-1a over the text of address and port, then mixed. */
function hashOf({ address, port }: IrEndpoint): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < address.text.length; at++) hash = Math.imul(hash ^ address.text.charCodeAt(at), 0x01000193);
  return mix(Math.imul(hash ^ port, 0x01000193));
}

/** The finalizer of MurmurHash3: every bit of the input changes half of the bits of the result. */
function mix(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
