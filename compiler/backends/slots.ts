import type { IrEndpoint } from "../ir/ir.ts";
import { hashText, mixBits } from "./hash.ts";

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
  const count = endpoints.length;
  if (count < 2) return endpoints;
  const hashes = endpoints.map(hashOf);
  const holders = new Int32Array(count).fill(-1);
  let waiting = endpoints.map((_, at) => at);
  // As many rounds for every pool of this size: where they ended earlier or later, everyone's place would depend on it.
  for (let round = 0; round < (count > fewEndpoints ? probes : 0); round++) {
    const wishes = waiting.map((at) => consistentSlot(mixBits((hashes[at] ?? 0) ^ round), count));
    waiting = settle(holders, hashes, waiting, wishes);
  }
  while (waiting.length > 0) {
    const free: number[] = [];
    for (let slot = 0; slot < count; slot++) if (holders[slot] === -1) free.push(slot);
    const wishes = waiting.map((at) => favourite(hashes[at] ?? 0, free));
    waiting = settle(holders, hashes, waiting, wishes);
  }
  return Array.from(holders, (at) => endpoints[at]).filter((endpoint) => endpoint !== undefined);
}

/**
 * Gives each free slot to the one with the greatest hash of those that wish for it, the first of equals.
 * Endpoints are known by their index; `wishes` go with `waiting`. Returns those that go on waiting.
 */
function settle(
  holders: Int32Array,
  hashes: readonly number[],
  waiting: readonly number[],
  wishes: readonly number[],
): number[] {
  const settled = holders.slice();
  const left: number[] = [];
  for (const [at, candidate] of waiting.entries()) {
    const slot = wishes[at] ?? 0;
    const rival = holders[slot] ?? -1;
    if (settled[slot] !== -1) left.push(candidate);
    else if (rival === -1) holders[slot] = candidate;
    else if ((hashes[candidate] ?? 0) > (hashes[rival] ?? 0)) {
      holders[slot] = candidate;
      left.push(rival);
    } else left.push(candidate);
  }
  return left;
}

function favourite(hash: number, free: readonly number[]): number {
  let best = 0;
  let greatest = -1;
  for (const slot of free) {
    const rank = mixBits(hash ^ Math.imul(slot + 1, 0x9e3779b1));
    if (rank > greatest) {
      best = slot;
      greatest = rank;
    }
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
    state = mixBits(state + 0x9e3779b9);
    next = Math.floor((at + 1) / ((state + 1) / 2 ** 32));
  }
  return at;
}

function hashOf({ address, port }: IrEndpoint): number {
  return mixBits(hashText(address.text) ^ Math.imul(port, 0x9e3779b1));
}
