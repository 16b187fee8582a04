import type { IrFrontend, IrPool, IrRoute, SourceClass } from "../../ir/ir.ts";
import { addressWidth, type IpAddress } from "../../net/address.ts";
import { assert } from "../../result.ts";
import { type Choice, chainsFor } from "./chains.ts";
import { drop } from "./expressions.ts";
import {
  type ChainAffinity,
  elementComment,
  type Masquerade,
  type Place,
  type PoolNumber,
  weightsMap,
} from "./names.ts";
import { compareKeys, compareNumbered } from "./order.ts";
import type {
  NftAtom,
  NftMapElement,
  NftRegularChain,
  NftSetElement,
  NftVerdict,
  NftVerdictElement,
} from "./program.ts";
import type { SkeletonFacts } from "./skeleton.ts";
import { endpointNumbers, endpointRange, fitsSlots, slotBase, slotsOf } from "./slots.ts";

/** The elements of all frontends with an address, or of all node ports. */
export interface PlaceElements {
  readonly ranged: NftSetElement[];
  readonly allowed: NftSetElement[];
  readonly frontends: NftVerdictElement[];
  readonly fromPods: NftVerdictElement[];
  readonly fromNode: NftVerdictElement[];
  readonly pool: NftMapElement[];
  readonly slots: NftMapElement[];
}

/** What frontends add to a table. */
export interface TableElements {
  readonly facts: SkeletonFacts;
  readonly places: Readonly<Record<Place, PlaceElements>>;
  readonly weights: Map<string, readonly NftMapElement[]>;
  readonly chains: Map<string, NftRegularChain>;
  readonly hairpin: Map<string, IpAddress>;
  /** By chain name and by choice: one object for each, as most frontends share a few. */
  readonly verdicts: Map<string, NftVerdict>;
  readonly slots: Map<IrPool, readonly number[]>;
}

export function emptyPlace(): PlaceElements {
  return { ranged: [], allowed: [], frontends: [], fromPods: [], fromNode: [], pool: [], slots: [] };
}

/** Adds one frontend: its verdicts by source, the elements of its pools, the chains it needs. */
export function lowerFrontend(table: TableElements, frontend: IrFrontend): void {
  const place: Place = frontend.address === null ? "node-port" : "address";
  const elements = table.places[place];
  const key: readonly NftAtom[] =
    frontend.address === null
      ? [frontend.protocol, frontend.port]
      : [frontend.address, frontend.protocol, frontend.port];
  const pools = distinctPools(frontend.routes);
  lowerPools(table, frontend, key, pools);
  lowerDispatch(table, frontend, key, pools);
  if (frontend.sourceRanges === null) return;
  elements.ranged.push({ key, comment: elementComment(frontend.key) });
  for (const range of frontend.sourceRanges) elements.allowed.push({ key: [...key, range], comment: null });
}

/** In the order of the routes; the pool's number in class ids and chain names is its place here, from 1. */
function distinctPools(routes: readonly IrRoute[]): readonly IrPool[] {
  const pools = [...new Set(routes.map((route) => route.pool))].filter((pool) => pool.endpoints.length > 0);
  assert(pools.length <= 3, "a frontend has a pool for each of three sources at most");
  return pools;
}

const poolNumbers = [1, 2, 3] as const satisfies readonly PoolNumber[];

function lowerPools(
  table: TableElements,
  frontend: IrFrontend,
  key: readonly NftAtom[],
  pools: readonly IrPool[],
): void {
  const elements = table.places[frontend.address === null ? "node-port" : "address"];
  const alone = pools.length === 1;
  const pool = alone ? elements.pool : [];
  const slots: NftMapElement[] = [];
  pools.forEach((one, index) => {
    const number = poolNumbers[index] ?? 1;
    if (frontend.affinity === null && fitsSlots(one)) addSlots(table, pool, key, one, number);
    else addNumbered(table, frontend, key, one, number, pool, slots);
    for (const { mayHairpin, address } of one.endpoints) if (mayHairpin) table.hairpin.set(address.text, address);
  });
  for (const element of slots.sort((a, b) => compareKeys(a.key, b.key))) elements.slots.push(element);
  if (alone) return;
  for (const element of pool.sort(compareNumbered)) elements.pool.push(element);
}

/** Slot to endpoint, for pools without affinity. */
function addSlots(
  table: TableElements,
  to: NftMapElement[],
  key: readonly NftAtom[],
  pool: IrPool,
  number: PoolNumber,
): void {
  const base = slotBase(number);
  const slots = knownSlots(table, pool);
  let item = 0;
  for (const { address, port, weight } of pool.endpoints) {
    const data = [address, port];
    for (let copy = 0; copy < weight; copy++) to.push({ key: key.concat(base + (slots[item++] ?? 0)), data });
  }
}

/** Frontends of one service share their pools. */
function knownSlots(table: TableElements, pool: IrPool): readonly number[] {
  const known = table.slots.get(pool);
  if (known !== undefined) return known;
  const made = slotsOf(pool);
  table.slots.set(pool, made);
  return made;
}

/** Endpoint number to endpoint; and slot to number, or for wide pools ranges of the random number to number. */
function addNumbered(
  table: TableElements,
  frontend: IrFrontend,
  key: readonly NftAtom[],
  pool: IrPool,
  number: PoolNumber,
  toPool: NftMapElement[],
  toSlots: NftMapElement[],
): void {
  const first = endpointRange(number).first;
  const numbers = endpointNumbers(pool);
  pool.endpoints.forEach(({ address, port }, index) => {
    toPool.push({ key: [...key, first + (numbers[index] ?? 0)], data: [address, port] });
  });
  if (!fitsSlots(pool)) {
    let next = 0;
    const ranges = pool.endpoints.map(({ weight }, index): NftMapElement => {
      const range = { first: next, last: next + weight - 1 };
      next += weight;
      return { key: [range], data: [first + (numbers[index] ?? 0)] };
    });
    table.weights.set(weightsMap(frontend.key, placeText(frontend), number), ranges);
    return;
  }
  const base = slotBase(number);
  const slots = knownSlots(table, pool);
  let item = 0;
  const byNumber = pool.endpoints
    .map(({ weight }, index) => {
      item += weight;
      return { number: first + (numbers[index] ?? 0), slots: slots.slice(item - weight, item) };
    })
    .sort((a, b) => a.number - b.number);
  for (const { number: endpoint, slots: own } of byNumber) {
    const data = [endpoint];
    for (const slot of own) toSlots.push({ key: [...key, base + slot], data });
  }
}

/** Tells the frontends of one service port apart in the names of their own chains and maps. */
function placeText(frontend: IrFrontend): string {
  const address = frontend.address === null ? `${frontend.family} node-port` : frontend.address.text;
  return `${address} ${frontend.protocol} ${frontend.port}`;
}

/** Where packets of one class of sources go. */
interface Outcome {
  readonly pool: number;
  readonly masquerade: boolean;
  readonly whenEmpty: "reject" | "drop";
}

/**
 * One element for everyone, and one for pods or for the node where they fare otherwise: dispatch asks those maps
 * first. The common exception, pods that keep their address, is a way to masquerade instead of an element.
 */
function lowerDispatch(
  table: TableElements,
  frontend: IrFrontend,
  key: readonly NftAtom[],
  pools: readonly IrPool[],
): void {
  const elements = table.places[frontend.address === null ? "node-port" : "address"];
  const comment = elementComment(frontend.key);
  const outside = outcomeOf(frontend, "outside", pools);
  const node = outcomeOf(frontend, "node", pools);
  const pod = outcomeOf(frontend, "pod", pools);
  const add = (to: NftVerdictElement[], outcome: Outcome, masquerade: Masquerade) =>
    to.push({ key, verdict: verdictFor(table, frontend, pools, outcome, masquerade), comment });

  const nodeDiffers = !sameOutcome(node, outside);
  const podsAreTold = table.facts.detector.kind !== "none";
  const podsOnlyKeepAddress =
    podsAreTold && !nodeDiffers && pod.pool === outside.pool && pod.pool >= 0 && outside.masquerade && !pod.masquerade;

  add(elements.frontends, outside, podsOnlyKeepAddress ? "unless-pod" : plain(outside));
  if (nodeDiffers) add(elements.fromNode, node, plain(node));
  // Pods are asked for first: without an element of their own they would meet the node's.
  if (podsAreTold && !podsOnlyKeepAddress && (nodeDiffers || !sameOutcome(pod, outside)))
    add(elements.fromPods, pod, plain(pod));
}

function plain(outcome: Outcome): Masquerade {
  return outcome.masquerade ? "always" : "never";
}

function outcomeOf(frontend: IrFrontend, source: SourceClass, pools: readonly IrPool[]): Outcome {
  const route = frontend.routes.find(({ sources }) => sources === source || sources === "any");
  assert(route !== undefined, `${frontend.key} has a route for every source`);
  const pool = pools.indexOf(route.pool);
  return { pool, masquerade: pool >= 0 && route.masquerade, whenEmpty: route.whenEmpty };
}

function sameOutcome(a: Outcome, b: Outcome): boolean {
  return a.pool === b.pool && a.masquerade === b.masquerade && (a.pool >= 0 || a.whenEmpty === b.whenEmpty);
}

function verdictFor(
  table: TableElements,
  frontend: IrFrontend,
  pools: readonly IrPool[],
  outcome: Outcome,
  masquerade: Masquerade,
): NftVerdict {
  const pool = pools[outcome.pool];
  if (pool === undefined) return outcome.whenEmpty === "drop" ? drop : sharedGoto(table, "refuse");
  const affinity = chainAffinity(frontend);
  const wide = fitsSlots(pool) ? null : { key: frontend.key, where: placeText(frontend) };
  const choice: Choice = {
    place: frontend.address === null ? "node-port" : "address",
    pool: poolNumbers[outcome.pool] ?? 1,
    totalWeight: pool.totalWeight,
    affinity,
    masquerade,
    wide,
  };
  const identity = choiceIdentity(choice);
  const known = table.verdicts.get(identity);
  if (known !== undefined) return known;
  const chains = chainsFor(choice, table.facts);
  for (const chain of chains) table.chains.set(chain.name, chain);
  const verdict = sharedGoto(table, chains[0].name);
  table.verdicts.set(identity, verdict);
  return verdict;
}

function choiceIdentity({ place, pool, totalWeight, affinity, masquerade, wide }: Choice): string {
  const sticky = affinity === null ? "" : `${affinity.timeoutSeconds} ${affinity.maskLength}`;
  return `${place} ${pool} ${totalWeight} ${masquerade} ${sticky} ${wide === null ? "" : `${wide.key} ${wide.where}`}`;
}

function chainAffinity(frontend: IrFrontend): ChainAffinity | null {
  if (frontend.affinity === null) return null;
  const { timeoutSeconds, netmask } = frontend.affinity;
  const length = netmask?.[frontend.family] ?? null;
  return { timeoutSeconds, maskLength: length === addressWidth(frontend.family) ? null : length };
}

function sharedGoto(table: TableElements, chain: string): NftVerdict {
  const known = table.verdicts.get(chain);
  if (known !== undefined) return known;
  const made: NftVerdict = { kind: "goto", chain };
  table.verdicts.set(chain, made);
  return made;
}
