import type { BackendCost, NodeChange, ServiceChange, SettingChange } from "./change.ts";
import { connectionsOf } from "./connections.ts";
import { frontendLines, settingLine } from "./frontend-lines.ts";
import { counted, shortList } from "./words.ts";

/** Nodes with the same change, or with changes of the same things. */
export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
  readonly connections: readonly string[];
  /** On one of the nodes, which `costTitle` names. */
  readonly costs: readonly BackendCost[];
  readonly costTitle: string;
  /** Packets for which the old and the new rules of all nodes that were followed did what is said; and by what. */
  readonly confirmation: string;
}

export interface Block {
  readonly change: "added" | "removed" | "changed";
  readonly title: string;
  readonly lines: readonly string[];
}

/** What is told of nodes that change alike, before it is known whose change has the same outline. */
interface Told {
  readonly node: NodeChange;
  readonly blocks: readonly Block[];
  readonly connections: readonly string[];
}

/**
 * Nodes whose changes have the same outline share a section: a local policy changes the same frontends of every node and
 * leaves each with endpoints of its own, and nobody reads that once for each node.
 */
export function sectionsOf(nodes: readonly NodeChange[]): readonly Section[] {
  const alike = new Map<string, Told[]>();
  for (const node of nodes) {
    const told = { node, blocks: blocksOf(node), connections: connectionsOf(node) };
    const key = JSON.stringify([node.change, told.blocks.map(({ change, title }) => [change, title])]);
    alike.set(key, [...(alike.get(key) ?? []), told]);
  }
  return [...alike.values()].flatMap(merged);
}

function merged(members: readonly Told[]): readonly Section[] {
  const [first] = members;
  if (first === undefined) return [];
  const names = members.flatMap(({ node }) => node.nodes);
  const [{ change, costs }, word] = [first.node, names.length > 1 ? "nodes" : "node"];
  const isAlike = new Set(members.map(({ node }) => JSON.stringify(node.costs.map(plainCost)))).size === 1;
  return [
    {
      title: `${word} ${shortList(names, 6)}${change === "changed" ? "" : ` (${change})`}`,
      blocks: first.blocks.map((block, at) => ({
        ...block,
        lines: commonLines(members, ({ blocks }) => blocks[at]?.lines ?? []),
      })),
      connections: commonLines(members, ({ connections }) => connections),
      costs,
      costTitle: `cost on ${first.node.nodes[0] ?? ""}${isAlike ? "" : ", on others it differs"}`,
      confirmation: confirmation(members),
    },
  ];
}

function plainCost({ confirmed: _confirmed, ...cost }: BackendCost): unknown {
  return cost;
}

/** Of a hundred nodes with endpoints of their own, a few show what the others are like. */
const mostVariants = 3;

/** Lines of all nodes once, and lines of some with their names; what stands at one place on each stays together. */
function commonLines(members: readonly Told[], linesOf: (told: Told) => readonly string[]): readonly string[] {
  const holders = new Map<string, string[]>();
  for (const told of members) {
    for (const line of linesOf(told)) holders.set(line, [...(holders.get(line) ?? []), ...told.node.nodes]);
  }
  const all = members.reduce((sum, { node }) => sum + node.nodes.length, 0);
  const shown = new Set<string>();
  const lines: string[] = [];
  const most = Math.max(...members.map((told) => linesOf(told).length));
  for (let at = 0; at < most; at++) {
    const fresh = [...new Set(members.flatMap((told) => linesOf(told)[at] ?? []))].filter((line) => !shown.has(line));
    for (const line of fresh) shown.add(line);
    const own = fresh.filter((line) => holders.get(line)?.length !== all);
    lines.push(...fresh.filter((line) => holders.get(line)?.length === all));
    lines.push(...own.slice(0, mostVariants).map((line) => `on ${shortList(holders.get(line) ?? [], 3)}: ${line}`));
    const rest = new Set(own.slice(mostVariants).flatMap((line) => holders.get(line) ?? []));
    if (rest.size > 0) lines.push(`and likewise on ${counted(rest.size, "more node")}`);
  }
  return lines;
}

function confirmation(members: readonly Told[]): string {
  const costs = members.flatMap(({ node }) => node.costs).filter(({ unable }) => unable === null);
  const packets = costs.reduce((sum, { confirmed }) => sum + confirmed, 0);
  if (packets === 0) return "";
  const followed = members.reduce((sum, { node }) => sum + node.followed, 0);
  const nodes = members.reduce((sum, { node }) => sum + node.nodes.length, 0);
  const backends = [...new Set(costs.map(({ backend }) => backend))].join(", ");
  const where = followed < nodes ? ` on ${followed} of ${nodes} nodes` : nodes > 1 ? ` on ${nodes} nodes` : "";
  return `confirmed by ${counted(packets, "packet")} through the old and new rules of ${backends}${where}`;
}

function blocksOf(node: NodeChange): readonly Block[] {
  const settings = node.settings.length === 0 ? [] : [settingsBlock("node", node.settings)];
  const touched = node.touched.map((key) => ({ change: "changed" as const, title: key, lines: ["its rules differ"] }));
  const services = node.services.flatMap(serviceBlocks);
  return [...settings, ...(node.change === "changed" ? services : [wholeNode(node)]), ...touched];
}

/** A node that comes or goes serves everything, or nothing any more; what exactly is in the spec. */
function wholeNode({ change, services }: NodeChange): Block {
  const verb = change === "added" ? "serves" : "no longer serves";
  const names = services.map(({ name }) => name);
  return {
    change,
    title: `${verb} ${counted(names.length, "service")}`,
    lines: names.length === 0 ? [] : [shortList(names, 8)],
  };
}

export function settingsBlock(of: string, settings: readonly SettingChange[]): Block {
  return { change: "changed", title: `settings of the ${of}`, lines: settings.map(settingLine) };
}

function serviceBlocks({ change, name, frontends, settings }: ServiceChange): readonly Block[] {
  const own = settings.length === 0 ? [] : [{ change, title: name, lines: settings.map(settingLine) }];
  const blocks = frontends.map((frontend) => ({
    change: frontend.change,
    title: `${frontend.key} at ${shortList(frontend.places, 6)} [${frontend.declared}]`,
    lines: frontendLines(frontend),
  }));
  return [...own, ...blocks];
}
