import type { NodeIr } from "../../ir/ir.ts";
import { isConcerned } from "../../ir/lookup.ts";
import { compareAddresses, type Family, families, type IpAddress, type Prefix } from "../../net/address.ts";
import type { Lowered } from "../backend.ts";
import { settingsBeyond } from "../limits.ts";
import { nftablesLimits } from "./capabilities.ts";
import { affinityKeyTypes } from "./chains.ts";
import { emptyPlace, lowerFrontend, type PlaceElements, type TableElements } from "./lower-frontend.ts";
import { assertName, type Place, tableName } from "./names.ts";
import { sortTable } from "./order.ts";
import type {
  AnyNftSet,
  NftDatatype,
  NftFamily,
  NftMapElement,
  NftProgram,
  NftSet,
  NftSetElement,
  NftTable,
  NftVerdictElement,
} from "./program.ts";
import { addressType, fixedChains, frontendKeyTypes } from "./skeleton.ts";

/** Entries of one affinity map, some 110 bytes of kernel memory each; a flood of forged sources cannot take more. */
const affinityEntries = 262144;

/** A table for each family in which something is served or refused; what nftables cannot keep is among the findings. */
export function lowerNftables(ir: NodeIr): Lowered<NftProgram> {
  const tables = families.flatMap((family) => {
    const table = lowerFamily(ir, family);
    return table === null ? [] : [table];
  });
  return { program: { tables }, diagnostics: settingsBeyond(nftablesLimits, ir) };
}

/** null for a family in which nothing is served or refused. */
function lowerFamily(ir: NodeIr, family: Family): NftTable | null {
  if (!isConcerned(ir, family)) return null;
  const nftFamily: NftFamily = family === "ipv4" ? "ip" : "ip6";
  const facts = {
    family: nftFamily,
    detector: ir.detector[family],
    nodePortAddresses: ir.nodePortAddresses[family],
    marks: ir.marks,
  };
  const elements: TableElements = {
    facts,
    places: { address: emptyPlace(), "node-port": emptyPlace() },
    weights: new Map(),
    chains: new Map(),
    hairpin: new Map(),
    verdicts: new Map(),
    slots: new Map(),
  };
  for (const frontend of ir.frontends[family]) lowerFrontend(elements, frontend);
  const table = sortTable({
    family: nftFamily,
    name: tableName,
    sets: setsOf(ir, family, elements),
    chains: [...fixedChains(facts), ...elements.chains.values()],
  });
  for (const { name } of [...table.sets, ...table.chains]) assertName(name);
  return table;
}

function setsOf(ir: NodeIr, family: Family, elements: TableElements): readonly AnyNftSet[] {
  const nftFamily = elements.facts.family;
  const address = addressType(nftFamily);
  const { detector, nodePortAddresses } = elements.facts;
  const hairpin = [...elements.hairpin.values()].sort(compareAddresses).map((one) => setElement(one, one));
  const podsAreTold = detector.kind !== "none";
  return [
    ...placeSets(nftFamily, "address", elements.places.address, podsAreTold),
    ...placeSets(nftFamily, "node-port", elements.places["node-port"], podsAreTold),
    plainSet("hairpin", [address, address], false, hairpin),
    ...(detector.kind === "prefixes" ? [prefixSet("pods", address, detector.prefixes)] : []),
    ...(nodePortAddresses.kind === "prefixes"
      ? [prefixSet("node-port-addresses", address, nodePortAddresses.prefixes)]
      : []),
    plainSet(
      "vips",
      [address],
      false,
      ir.vips[family].map((vip) => setElement(vip)),
    ),
    prefixSet("service-ranges", address, ir.serviceRanges[family]),
    ...[...elements.weights].map(([name, ranges]) => ({
      kind: "map" as const,
      name,
      key: ["integer"] as const,
      interval: true,
      data: ["classid"] as const,
      elements: ranges,
    })),
  ];
}

function placeSets(
  family: NftFamily,
  place: Place,
  elements: PlaceElements,
  podsAreTold: boolean,
): readonly AnyNftSet[] {
  const key = frontendKeyTypes(family, place);
  const numbered: readonly NftDatatype[] = [...key, "classid"];
  const address = addressType(family);
  const prefix = place === "address" ? "" : "node-port-";
  const dispatch = place === "address" ? "frontends" : "node-ports";
  return [
    plainSet(`${prefix}ranged`, key, false, elements.ranged),
    plainSet(`${prefix}allowed`, [...key, address], true, elements.allowed),
    verdictMap(dispatch, key, elements.frontends),
    ...(podsAreTold ? [verdictMap(`${dispatch}-from-pods`, key, elements.fromPods)] : []),
    verdictMap(`${dispatch}-from-node`, key, elements.fromNode),
    numberedMap(`${prefix}pool`, numbered, [address, "inet_service"], elements.pool),
    numberedMap(`${prefix}slots`, numbered, ["classid"], elements.slots),
    {
      kind: "dynamic-map",
      name: `${prefix}affinity`,
      key: affinityKeyTypes(family, place),
      interval: false,
      data: ["classid"],
      size: affinityEntries,
    },
  ];
}

function plainSet(
  name: string,
  key: readonly NftDatatype[],
  interval: boolean,
  elements: readonly NftSetElement[],
): NftSet {
  return { kind: "set", name, key, interval, elements };
}

function prefixSet(name: string, address: NftDatatype, prefixes: readonly Prefix[]): NftSet {
  return plainSet(
    name,
    [address],
    true,
    prefixes.map((prefix) => setElement(prefix)),
  );
}

function setElement(...key: readonly (IpAddress | Prefix)[]): NftSetElement {
  return { key, comment: null };
}

function verdictMap(name: string, key: readonly NftDatatype[], elements: readonly NftVerdictElement[]): AnyNftSet {
  return { kind: "verdict-map", name, key, interval: false, elements };
}

function numberedMap(
  name: string,
  key: readonly NftDatatype[],
  data: readonly NftDatatype[],
  elements: readonly NftMapElement[],
): AnyNftSet {
  return { kind: "map", name, key, interval: false, data, elements };
}
