import type { IrFrontend, NodeIr } from "../../ir/ir.ts";
import { type Family, type IpAddress, type Prefix, parsePrefix } from "../../net/address.ts";
import { assert, unreachable } from "../../result.ts";
import { setOf, storable } from "./elements.ts";
import type { ClassAction, FrontendPlan } from "./lower-frontend.ts";
import { type MarkLayout, type SetName, setName, unsigned } from "./names.ts";
import type { IpSet, MarkAction, SetElement } from "./program.ts";

/** The sets of one family. All that the rules speak of exist, also when they are empty. */
export function lowerSets(
  family: Family,
  plans: readonly FrontendPlan[],
  marks: ReadonlyMap<string, number>,
  layout: MarkLayout,
  ir: NodeIr,
): readonly IpSet[] {
  const selected = selectedPrefixes(ir, family);
  const byAddress = plans.filter((plan) => plan.frontend.address !== null);
  const byPort = plans.filter((plan) => plan.frontend.address === null);
  const elementsOf = (list: readonly FrontendPlan[], actionOf: (plan: FrontendPlan) => ClassAction | null) =>
    list.flatMap((plan) => {
      const action = actionOf(plan);
      return action === null ? [] : dispatchElements(plan.frontend, markAction(action, marks, layout), selected);
    });
  const dispatch = (name: SetName, list: readonly FrontendPlan[], of: (plan: FrontendPlan) => ClassAction | null) =>
    setOf(
      { name: setName(family, name), family, kind: list === byAddress ? "ip-port" : "net-port" },
      { actions: true, comments: true },
      elementsOf(list, of),
    );
  return [
    dispatch("frontends", byAddress, (plan) => plan.outside),
    dispatch("frontendsPod", byAddress, (plan) => plan.pod),
    dispatch("frontendsNode", byAddress, (plan) => plan.node),
    dispatch("nodePorts", byPort, (plan) => plan.outside),
    dispatch("nodePortsPod", byPort, (plan) => plan.pod),
    dispatch("nodePortsNode", byPort, (plan) => plan.node),
    ...rangeSets(family, byAddress),
    ...nodePortRangeSets(family, byPort, selected),
    ...addressSets(family, byAddress, ir),
    hairpinSet(family, plans),
  ];
}

/** Node ports are kept by network and port: the whole family is two networks, since no set takes the length 0. */
function selectedPrefixes(ir: NodeIr, family: Family): readonly Prefix[] {
  const selection = ir.nodePortAddresses[family];
  return selection.kind === "any" ? storable(everything[family]) : selection.prefixes.flatMap(storable);
}

const everything: Readonly<Record<Family, Prefix>> = { ipv4: known("0.0.0.0/0"), ipv6: known("::/0") };

function known(text: string): Prefix {
  const parsed = parsePrefix(text);
  assert(parsed.ok, text);
  return parsed.value;
}

function dispatchElements(
  { key, address, protocol, port }: IrFrontend,
  action: MarkAction | null,
  selected: readonly Prefix[],
): readonly SetElement[] {
  if (address !== null) return [{ kind: "ip-port", address, protocol, port, action, comment: key }];
  return selected.map((prefix) => ({ kind: "net-port", prefix, protocol, port, action, comment: key }));
}

/** What becomes of a packet's mark; the rules act on it (chain act of the skeleton). */
function markAction(action: ClassAction, marks: ReadonlyMap<string, number>, layout: MarkLayout): MarkAction {
  const { deliver, own } = layout;
  switch (action.kind) {
    case "serve": {
      const masquerade = action.masquerade ? layout.masquerade : 0;
      const { markIdentity } = action.plan;
      if (markIdentity === null) return { value: unsigned(deliver | masquerade), mask: own };
      const mark = marks.get(markIdentity);
      assert(mark !== undefined, `${markIdentity} has no mark`);
      return { value: unsigned(mark | masquerade), mask: 0xffffffff };
    }
    case "drop":
      return { value: unsigned(deliver | layout.drop), mask: own };
    case "reject":
      return { value: unsigned(deliver | layout.reject), mask: own };
    default:
      return unreachable(action);
  }
}

/** Frontends that only some sources may use, and who may. */
function rangeSets(family: Family, byAddress: readonly FrontendPlan[]): readonly IpSet[] {
  const ranged: SetElement[] = [];
  const allowed: SetElement[] = [];
  for (const { frontend } of byAddress) {
    const { address, protocol, port, sourceRanges } = frontend;
    if (sourceRanges === null || address === null) continue;
    ranged.push({ kind: "ip-port", address, protocol, port, action: null, comment: frontend.key });
    for (const prefix of sourceRanges.flatMap(storable)) {
      allowed.push({ kind: "ip-port-net", address, protocol, port, prefix });
    }
  }
  return [
    setOf({ name: setName(family, "ranged"), family, kind: "ip-port" }, { comments: true }, ranged),
    setOf({ name: setName(family, "allowed"), family, kind: "ip-port-net" }, {}, allowed),
  ];
}

/** The same for node ports, where the allowed sources are kept as network and port that was asked for. */
function nodePortRangeSets(
  family: Family,
  byPort: readonly FrontendPlan[],
  selected: readonly Prefix[],
): readonly IpSet[] {
  const ranged = byPort.map((plan) => plan.frontend).filter((frontend) => frontend.sourceRanges !== null);
  if (ranged.length === 0) return [];
  const allowed = ranged.flatMap(({ key, protocol, port, sourceRanges }) =>
    (sourceRanges ?? [])
      .flatMap(storable)
      .map((prefix): SetElement => ({ kind: "net-port", prefix, protocol, port, action: null, comment: key })),
  );
  return [
    setOf(
      { name: setName(family, "nodePortsRanged"), family, kind: "net-port" },
      { comments: true },
      ranged.flatMap((frontend) => dispatchElements(frontend, null, selected)),
    ),
    setOf({ name: setName(family, "nodePortsAllowed"), family, kind: "net-port" }, { comments: true }, allowed),
  ];
}

function addressSets(family: Family, byAddress: readonly FrontendPlan[], ir: NodeIr): readonly IpSet[] {
  const served = byAddress.flatMap(({ frontend }) => (frontend.address === null ? [] : [ipElement(frontend.address)]));
  const detector = ir.detector[family];
  const pods = detector.kind === "prefixes" ? detector.prefixes : null;
  return [
    setOf({ name: setName(family, "addresses"), family, kind: "ip" }, {}, served),
    setOf({ name: setName(family, "vips"), family, kind: "ip" }, {}, ir.vips[family].map(ipElement)),
    netSet(family, "ranges", ir.serviceRanges[family]),
    ...(pods === null ? [] : [netSet(family, "pods", pods)]),
  ];
}

function ipElement(address: IpAddress): SetElement {
  return { kind: "ip", address };
}

function netSet(family: Family, name: SetName, prefixes: readonly Prefix[]): IpSet {
  const elements = prefixes.flatMap(storable).map((prefix): SetElement => ({ kind: "net", prefix }));
  return setOf({ name: setName(family, name), family, kind: "net" }, {}, elements);
}

/** Servers that may be sent to themselves: as destination, port and source of the packet that IPVS has translated. */
function hairpinSet(family: Family, plans: readonly FrontendPlan[]): IpSet {
  const elements: SetElement[] = [];
  const seen = new Set<object>();
  for (const { frontend, pools } of plans) {
    for (const { pool } of pools) {
      if (seen.has(pool)) continue;
      seen.add(pool);
      for (const { address, port, mayHairpin } of pool.endpoints) {
        if (mayHairpin)
          elements.push({ kind: "ip-port-ip", address, protocol: frontend.protocol, port, client: address });
      }
    }
  }
  return setOf({ name: setName(family, "hairpin"), family, kind: "ip-port-ip" }, {}, elements);
}
