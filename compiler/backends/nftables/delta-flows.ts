import type { IpAddress } from "../../net/address.ts";
import type { StaleFlow } from "../step.ts";
import { changeOfSet, elementsOf, sameAtoms } from "./delta-elements.ts";
import { findVerdict } from "./delta-owners.ts";
import { compareFrontends } from "./order.ts";
import type { AnyNftSet, NftAtom, NftFamily, NftMapElement, NftTable, NftVerdictElement } from "./program.ts";

const places = [
  { pool: "pool", verdicts: ["frontends", "frontends-from-pods", "frontends-from-node"] },
  { pool: "node-port-pool", verdicts: ["node-ports", "node-ports-from-pods", "node-ports-from-node"] },
] as const;
type FlowPlace = (typeof places)[number];

export interface StaleFrontendFlow {
  /** The frontend's key in the verdict maps. */
  readonly frontend: readonly NftAtom[];
  readonly flow: StaleFlow;
}

/**
 * UDP flows that connection tracking would keep where they were: to an endpoint that is in no pool of the frontend any
 * more, or past a frontend that nobody served until now. Connections of TCP and SCTP end by themselves.
 */
export function staleFlows(
  family: NftFamily,
  before: NftTable | null,
  after: NftTable | null,
): readonly StaleFrontendFlow[] {
  return places.flatMap((place) => [
    ...endpointsGone(family, place, before, after),
    ...newlyServed(family, place, before, after),
  ]);
}

function endpointsGone(
  family: NftFamily,
  place: FlowPlace,
  before: NftTable | null,
  after: NftTable | null,
): readonly StaleFrontendFlow[] {
  const [old, now] = [poolOf(before, place), poolOf(after, place)];
  const change = old === null ? null : changeOfSet(old, now ?? { ...old, elements: [] });
  const flows = new Map<string, StaleFrontendFlow>();
  for (const element of change?.removed ?? []) {
    if (!("data" in element) || !element.key.includes("udp")) continue;
    if (now !== null && serves(now.elements, element)) continue;
    const [address, port] = element.data;
    if (!isAddress(address) || typeof port !== "number") continue;
    const frontend = element.key.slice(0, -1);
    const flow: StaleFlow = { ...destinationOf(family, frontend), endpoint: { address, port } };
    flows.set(`${flow.destination?.text} ${flow.port} ${address.text} ${port}`, { frontend, flow });
  }
  return [...flows.values()];
}

function poolOf(table: NftTable | null, place: FlowPlace) {
  const set = table?.sets.find(({ name }) => name === place.pool);
  return set?.kind === "map" ? set : null;
}

/** Whether the frontend of the element still has its endpoint, in whichever slot. Found by halving. */
function serves(elements: readonly NftMapElement[], { key, data }: NftMapElement): boolean {
  let [low, high] = [0, elements.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const element = elements[middle];
    if (element !== undefined && compareFrontends(element.key, key) < 0) low = middle + 1;
    else high = middle;
  }
  for (let element = elements[low]; element !== undefined; element = elements[++low]) {
    if (compareFrontends(element.key, key) !== 0) return false;
    if (sameAtoms(element.data, data)) return true;
  }
  return false;
}

function newlyServed(
  family: NftFamily,
  place: FlowPlace,
  before: NftTable | null,
  after: NftTable | null,
): readonly StaleFrontendFlow[] {
  const flows = new Map<string, StaleFrontendFlow>();
  for (const name of place.verdicts) {
    for (const element of newVerdicts(setOf(before, name), setOf(after, name))) {
      if (!element.key.includes("udp") || !leadsToEndpoints(element)) continue;
      const wasServed =
        before !== null &&
        place.verdicts.some((map) => {
          const old = findVerdict(before, map, element.key);
          return old !== null && leadsToEndpoints(old);
        });
      if (wasServed) continue;
      const flow: StaleFlow = { ...destinationOf(family, element.key), endpoint: null };
      flows.set(`${flow.destination?.text} ${flow.port}`, { frontend: element.key, flow });
    }
  }
  return [...flows.values()];
}

function setOf(table: NftTable | null, name: string): AnyNftSet | null {
  return table?.sets.find((set) => set.name === name) ?? null;
}

function newVerdicts(before: AnyNftSet | null, after: AnyNftSet | null): readonly NftVerdictElement[] {
  if (after === null) return [];
  const added = before === null ? elementsOf(after) : (changeOfSet(before, after)?.added ?? []);
  return added.filter((element) => "verdict" in element);
}

/** Everything but the verdicts for nobody: what they refused left no flow behind. */
function leadsToEndpoints({ verdict }: NftVerdictElement): boolean {
  return verdict.kind === "goto" && verdict.chain !== "refuse";
}

function isAddress(atom: NftAtom | undefined): atom is IpAddress {
  return typeof atom === "object" && "bits" in atom;
}

/** From a frontend's key: address, protocol and port, or a node port's protocol and port. */
function destinationOf(family: NftFamily, key: readonly NftAtom[]): Pick<StaleFlow, "family" | "destination" | "port"> {
  const [first] = key;
  const port = key.at(-1);
  return {
    family: family === "ip" ? "ipv4" : "ipv6",
    destination: isAddress(first) ? first : null,
    port: typeof port === "number" ? port : 0,
  };
}
