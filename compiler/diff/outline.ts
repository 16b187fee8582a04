import { allConcerns, type BackendCost, type Diff, isSame, type PlacedConcern, type ServiceChange } from "./change.ts";
import { type Section, sectionsOf, settingsBlock } from "./sections.ts";
import { counted, shortList } from "./words.ts";

/** A diff in words, without a format: what stands where, for text, markdown and HTML alike. Nothing in it is escaped. */
export interface Outline {
  readonly headline: string;
  readonly concerns: readonly PlacedConcern[];
  readonly sections: readonly Section[];
  readonly note: string | null;
}

export function outlineOf(diff: Diff): Outline {
  const general: Section[] =
    diff.settings.length === 0
      ? []
      : [
          {
            title: "all nodes",
            blocks: [settingsBlock("cluster", diff.settings)],
            connections: [],
            costs: [],
            costTitle: "",
            confirmation: "",
          },
        ];
  return {
    headline: headlineOf(diff),
    concerns: allConcerns(diff),
    sections: [...general, ...sectionsOf(diff.nodes)],
    note:
      diff.compared === "programs"
        ? "a compiled folder holds no spec: its rules were compared, and what they mean for each client is not told"
        : null,
  };
}

function headlineOf(diff: Diff): string {
  if (isSame(diff)) return `no difference for traffic on ${counted(diff.nodeCount, "node")}`;
  const services = distinctServices(diff);
  const parts: string[] = [];
  for (const change of ["added", "removed", "changed"] as const) {
    const names = services.filter((service) => service.change === change).map(({ name }) => name);
    if (names.length > 0) parts.push(`${counted(names.length, "service")} ${change} (${shortList(names, 3)})`);
  }
  const touched = [...new Set(diff.nodes.flatMap((node) => node.touched))];
  if (touched.length > 0)
    parts.push(`rules of ${counted(touched.length, "service port")} changed (${shortList(touched, 3)})`);
  for (const change of ["added", "removed"] as const) {
    const names = diff.nodes.filter((node) => node.change === change).flatMap(({ nodes }) => nodes);
    if (names.length > 0) parts.push(`${counted(names.length, "node")} ${change} (${shortList(names, 3)})`);
  }
  if (diff.nodes.some(({ settings }) => settings.length > 0)) parts.push("node settings changed");
  if (diff.settings.length > 0) parts.push("guards changed");
  const changed = diff.nodes.reduce((sum, { nodes }) => sum + nodes.length, 0);
  const exposures = allConcerns(diff).filter(({ kind }) => kind === "exposure").length;
  const exposed =
    diff.compared === "programs"
      ? ""
      : exposures === 0
        ? "; no new exposure"
        : `; ${counted(exposures, "new exposure")}`;
  return `${parts.length === 0 ? "rules differ" : parts.join(", ")} on ${changed} of ${counted(diff.nodeCount, "node")}${exposed}`;
}

function distinctServices(diff: Diff): readonly ServiceChange[] {
  const services = new Map<string, ServiceChange>();
  for (const { change, services: own } of diff.nodes) {
    if (change !== "changed") continue;
    for (const service of own) services.set(`${service.change} ${service.name}`, service);
  }
  return [...services.values()];
}

/** `2 operations, +2 -2 lines, 7 -> 7 rules for a first packet` */
export function costWords(cost: BackendCost): string {
  if (cost.unable !== null) return cost.unable;
  const lines = `+${cost.linesAdded} -${cost.linesRemoved} lines`;
  const rules =
    cost.rulesBefore === null && cost.rulesAfter === null
      ? ""
      : `, first packet ${cost.rulesBefore ?? 0} -> ${cost.rulesAfter ?? 0} rules`;
  return `${counted(cost.operations, "operation")}, ${lines}${rules}`;
}

/** What is wrong, and where if that is not everywhere. */
export function concernWords({ what, nodes }: PlacedConcern): string {
  return nodes === null ? what : `${what} (on ${shortList(nodes, 3)})`;
}
