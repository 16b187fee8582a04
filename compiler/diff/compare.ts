import type { BackendName } from "../backends/backend.ts";
import type { NodeIr } from "../ir/ir.ts";
import type { Spec } from "../spec/schema.ts";
import type { BackendCost, Diff, NodeChange } from "./change.ts";
import { concernsOf } from "./concerns.ts";
import { confirmedOn, costOf } from "./cost.ts";
import type { FrontendPair } from "./frontends.ts";
import { guardChanges } from "./guards.ts";
import { nodeSettings } from "./node-settings.ts";
import { compareServices } from "./services.ts";

/** One node in both specs; null where a spec does not declare it. */
export interface NodePair {
  readonly name: string;
  readonly before: NodeIr | null;
  readonly after: NodeIr | null;
}

export interface Sides {
  readonly old: { readonly name: string; readonly spec: Spec };
  readonly new: { readonly name: string; readonly spec: Spec };
  readonly nodes: readonly NodePair[];
  readonly backends: readonly BackendName[];
}

/** A node's change before it is known which others change alike. */
interface Compared {
  readonly change: Omit<NodeChange, "nodes" | "costs" | "followed">;
  readonly pairs: readonly FrontendPair[];
  readonly node: NodePair;
}

/**
 * What changes for traffic. Nodes that change alike are told once; what it costs is found out for the first of them, and
 * that the programs do what is said for all, as long as that takes seconds. Throws InternalError where a program
 * contradicts the diff.
 */
export async function compareSpecs(sides: Sides): Promise<Diff> {
  const alike = new Map<string, Compared[]>();
  for (const node of sides.nodes) {
    const compared = compareNode(node);
    if (compared === null) continue;
    const key = JSON.stringify(compared.change, (_, value: unknown) =>
      typeof value === "bigint" ? `${value}` : value,
    );
    alike.set(key, [...(alike.get(key) ?? []), compared]);
  }
  const nodes: NodeChange[] = [];
  let room = mostWork;
  for (const group of alike.values()) {
    const [first, ...others] = group;
    if (first === undefined) continue;
    const more = others.slice(0, Math.floor(room / workOf(first)));
    room -= more.length * workOf(first);
    const followed = [first, ...more];
    const costs: BackendCost[] = [];
    for (const backend of sides.backends) {
      const { before, after } = first.node;
      let cost = await costOf(backend, before, after, first.pairs);
      for (const { node, pairs } of followed.slice(1)) {
        const packets = await confirmedOn(backend, node.before, node.after, pairs);
        cost = { ...cost, confirmed: cost.confirmed + packets };
      }
      costs.push(cost);
    }
    nodes.push({ ...first.change, nodes: group.map(({ node }) => node.name), costs, followed: followed.length });
  }
  const guards = guardChanges(sides.old.spec, sides.new.spec);
  return {
    old: sides.old.name,
    new: sides.new.name,
    compared: "meaning",
    concerns: guards.concerns,
    settings: guards.settings,
    nodes,
    nodeCount: sides.nodes.length,
  };
}

/** What may be spent on nodes besides the first of each group, in frontends that are lowered: some seconds of work. */
const mostWork = 20_000;
/** To send a changed frontend its packets, on both sides and by every backend, is as much as to lower so many. */
const workOfPackets = 40;

/** What it takes to follow one node: its frontends on both sides, and those that are sent packets. At least 1. */
function workOf({ node, pairs }: Compared): number {
  const frontends = [node.before, node.after].flatMap((ir) =>
    ir === null ? [] : [ir.frontends.ipv4.length, ir.frontends.ipv6.length],
  );
  return Math.max(1, frontends.reduce((sum, count) => sum + count, 0) + pairs.length * workOfPackets);
}

/** How many frontends that did not change themselves are looked at when a setting of the node did. */
const mostProbes = 64;

function compareNode(node: NodePair): Compared | null {
  const [old, now] = [node.before ?? without(node.after), node.after ?? without(node.before)];
  if (old === null || now === null) return null;
  const { services, pairs } = compareServices(old, now);
  const change = node.before === null ? "added" : node.after === null ? "removed" : "changed";
  const settings = change === "changed" ? nodeSettings(old, now) : [];
  if (change === "changed" && services.length === 0 && settings.length === 0) return null;
  const probes = settings.length === 0 ? pairs : [...pairs, ...unchanged(old, now).slice(0, mostProbes)];
  return {
    change: { change, concerns: concernsOf(old, now, pairs), settings, services, touched: [] },
    pairs: probes,
    node,
  };
}

/** A node that is not there serves nothing; the rest of it is as on the side that has it. */
function without(ir: NodeIr | null): NodeIr | null {
  if (ir === null) return null;
  const none = { ipv4: [], ipv6: [] };
  return { ...ir, services: [], frontends: none, vips: none, serviceRanges: none };
}

/** Frontends of both sides; those that changed are among them, which does no harm. */
function unchanged(old: NodeIr, now: NodeIr): readonly FrontendPair[] {
  return (["ipv4", "ipv6"] as const).flatMap((family) => {
    const olds = new Map(old.frontends[family].map((each) => [placeKey(each), each] as const));
    return now.frontends[family].flatMap((after) => {
      const before = olds.get(placeKey(after));
      return before === undefined ? [] : [{ before, after }];
    });
  });
}

function placeKey({ address, protocol, port }: NodeIr["frontends"]["ipv4"][number]): string {
  return `${address?.text ?? "node"} ${protocol} ${port}`;
}
