import { fractionToNumber } from "../net/fraction.ts";
import {
  allConcerns,
  type BackendCost,
  type ClientChange,
  type Concern,
  type Diff,
  type FrontendChange,
  isSame,
  type NodeChange,
  type Served,
  type ServedEndpoint,
  type ServiceChange,
  type SettingChange,
} from "./change.ts";

/** A diff in words, without a format: what stands where, for text, markdown and HTML alike. Nothing in it is escaped. */
export interface Outline {
  readonly headline: string;
  readonly concerns: readonly Concern[];
  readonly sections: readonly Section[];
  readonly note: string | null;
}

/** One group of nodes with the same change. */
export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
  readonly connections: readonly string[];
  readonly costs: readonly BackendCost[];
  readonly costNode: string;
}

export interface Block {
  readonly change: "added" | "removed" | "changed";
  readonly title: string;
  readonly lines: readonly string[];
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
            costNode: "",
          },
        ];
  return {
    headline: headlineOf(diff),
    concerns: allConcerns(diff),
    sections: [...general, ...diff.nodes.map(sectionOf)],
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

const classWords = { pod: "pods", node: "the node", outside: "clients outside" } as const;

/** `pods and clients outside`; all classes are `all clients`. */
function clientWords(clients: ClientChange["clients"]): string {
  if (clients.length === Object.keys(classWords).length) return "all clients";
  return clients.map((client) => classWords[client]).join(" and ");
}

/** Four of a list, and how many more. */
function shortList(items: readonly string[], most = 4): string {
  if (items.length === 0) return "nobody";
  if (items.length <= most) return items.join(", ");
  return `${items.slice(0, most).join(", ")} and ${items.length - most} more`;
}

export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

function sectionOf(node: NodeChange): Section {
  const names = node.nodes.length > 1 ? "nodes" : "node";
  const settings = node.settings.length === 0 ? [] : [settingsBlock("node", node.settings)];
  const touched = node.touched.map((key) => ({ change: "changed" as const, title: key, lines: ["its rules differ"] }));
  const services = node.services.flatMap(serviceBlocks);
  const whole = node.change === "changed" ? services : [wholeNode(node)];
  return {
    title: `${names} ${shortList(node.nodes, 6)}${node.change === "changed" ? "" : ` (${node.change})`}`,
    blocks: [...settings, ...whole, ...touched],
    connections: connectionsOf(node),
    costs: node.costs,
    costNode: node.nodes[0] ?? "",
  };
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

function settingsBlock(of: string, settings: readonly SettingChange[]): Block {
  return { change: "changed", title: `settings of the ${of}`, lines: settings.map(settingLine) };
}

function settingLine({ setting, before, after }: SettingChange): string {
  return `${setting}: ${before ?? "none"} -> ${after ?? "none"}`;
}

function serviceBlocks({ change, name, frontends, settings }: ServiceChange): readonly Block[] {
  const own = settings.length === 0 ? [] : [{ change, title: name, lines: settings.map(settingLine) }];
  return [...own, ...frontends.map(frontendBlock)];
}

function frontendBlock(frontend: FrontendChange): Block {
  const { change, key, places, declared } = frontend;
  return {
    change,
    title: `${key} at ${shortList(places, 6)} [${declared}]`,
    lines: [
      ...rangeLines(frontend),
      ...clientChangeLines(frontend.clients, change),
      ...frontend.settings.map(settingLine),
    ],
  };
}

function rangeLines({ sourceRanges }: FrontendChange): readonly string[] {
  if (sourceRanges === null) return [];
  const { before, after, letIn, keptOut } = sourceRanges;
  const words = (ranges: readonly string[] | null): string => (ranges === null ? "everyone" : shortList(ranges, 8));
  return [
    `allowed sources: ${words(before)} -> ${words(after)}`,
    ...(letIn.length > 0 ? [`newly let in: ${after === null ? "everyone else" : shortList(letIn, 8)}`] : []),
    ...(keptOut.length > 0 ? [`newly kept out: ${before === null ? "everyone else" : shortList(keptOut, 8)}`] : []),
  ];
}

/** Classes of clients that are told the same share a line: mostly only masquerading tells them apart, and that stays. */
function clientChangeLines(changes: readonly ClientChange[], change: FrontendChange["change"]): readonly string[] {
  const clients = new Map<string, ClientChange["clients"]>();
  for (const one of changes) {
    for (const text of clientTexts(one, change)) clients.set(text, [...(clients.get(text) ?? []), ...one.clients]);
  }
  return [...clients].map(([text, classes]) => `${clientWords(classes)}: ${text}`);
}

function clientTexts({ before, after }: ClientChange, change: FrontendChange["change"]): readonly string[] {
  if (before.verdict !== "endpoints" || after.verdict !== "endpoints") {
    const [was, is] = [servedWords(before), servedWords(after)];
    return [change === "added" ? `${is} (before: ${was})` : `${was} -> ${is}`];
  }
  const lines = endpointLines(before.endpoints, after.endpoints);
  if (before.masquerade === after.masquerade) return lines;
  const word = (is: boolean): string => (is ? "the node's address" : "the client's address");
  return [...lines, `endpoints see ${word(before.masquerade)} -> ${word(after.masquerade)}`];
}

const verdictWords = { reject: "rejected", drop: "dropped", pass: "not served" } as const;

function servedWords({ verdict, endpoints, masquerade }: Served): string {
  if (verdict !== "endpoints") return verdictWords[verdict];
  const shown = shortList(endpoints.map((each) => `${each.place}${shareIn(each)}`));
  return `${shown}${masquerade ? ", masqueraded" : ""}`;
}

/** 25%, or the weight where the share depends on load or hashes. */
function percent({ share, weight }: ServedEndpoint): string {
  if (share === null) return `weight ${weight}`;
  const value = fractionToNumber(share) * 100;
  return `${Number(value.toFixed(value < 1 ? 3 : 1))}%`;
}

function shareIn(endpoint: ServedEndpoint): string {
  return ` ${percent(endpoint)}`;
}

function endpointLines(before: readonly ServedEndpoint[], after: readonly ServedEndpoint[]): readonly string[] {
  const olds = new Map(before.map((each) => [each.place, each]));
  const news = new Map(after.map((each) => [each.place, each]));
  const left = before.filter(({ place }) => !news.has(place));
  const joined = after.filter(({ place }) => !olds.has(place));
  const moved = after.filter((each) => {
    const was = olds.get(each.place);
    return was !== undefined && percent(was) !== percent(each);
  });
  const [gone] = left;
  const [come] = joined;
  if (left.length === 1 && joined.length === 1 && moved.length === 0 && gone !== undefined && come !== undefined) {
    return [`${come.place} replaces ${gone.place} (${percent(come)})`];
  }
  const lines: string[] = [];
  if (joined.length > 0)
    lines.push(
      `new: ${shortList(
        joined.map((each) => `${each.place} ${percent(each)}`),
        6,
      )}`,
    );
  if (left.length > 0)
    lines.push(
      `gone: ${shortList(
        left.map((each) => `${each.place} (was ${percent(each)})`),
        6,
      )}`,
    );
  const shifts = moved.map((each) => `${each.place} ${percent(olds.get(each.place) ?? each)} -> ${percent(each)}`);
  if (shifts.length > 0) lines.push(`shares: ${shortList(shifts, 6)}`);
  const isReweighted = lines.length === 0 && before.some((each, at) => each.weight !== after[at]?.weight);
  return isReweighted ? ["weights change; the scheduler ignores them in IPVS, other backends follow them"] : lines;
}

/** What becomes of connections that exist, for each kind of leaving; backends without the words do as the first. */
function connectionsOf({ services, change }: NodeChange): readonly string[] {
  if (change === "removed") return ["the node: what it was given stays until `weir cleanup` there"];
  const frontends = services.flatMap((service) => service.frontends);
  const lines: string[] = [];
  const leaving = frontends.flatMap((frontend) =>
    frontend.leaving.map((endpoint) => ({
      ...endpoint,
      isUdp: frontend.protocols.includes("udp"),
      isOther: frontend.protocols.some((one) => one !== "udp"),
    })),
  );
  const places = (test: (one: (typeof leaving)[number]) => boolean): readonly string[] => [
    ...new Set(leaving.filter(test).map(({ place }) => place)),
  ];
  const drained = places((one) => one.drained && one.isOther);
  const gone = places((one) => !one.drained && one.isOther);
  const udp = places((one) => one.isUdp);
  if (drained.length > 0)
    lines.push(`${shortList(drained)}: open connections stay until they end, under every backend`);
  if (gone.length > 0) {
    lines.push(
      `${shortList(gone)}: open connections go on while the server lives (iptables, nftables), drain at weight 0 up to --drain-timeout (ipvs), drain in the proxy (userspace)`,
    );
  }
  if (udp.length > 0)
    lines.push(`${shortList(udp)}: UDP flows are forgotten, the next packet goes to another endpoint`);
  return lines;
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

/** How many packets stood for the statement. */
export function confirmation({ costs }: Section): string {
  const packets = costs.reduce((sum, { confirmed }) => sum + confirmed, 0);
  const able = costs.filter(({ unable }) => unable === null).map(({ backend }) => backend);
  return packets === 0
    ? ""
    : `confirmed by ${counted(packets, "packet")} through the old and new rules of ${able.join(", ")}`;
}
