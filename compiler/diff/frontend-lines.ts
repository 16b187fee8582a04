import { fractionToNumber } from "../net/fraction.ts";
import type { ClientChange, FrontendChange, Served, ServedEndpoint, SettingChange } from "./change.ts";
import { shortList } from "./words.ts";

/** What changes at one frontend, as lines for people. */
export function frontendLines(frontend: FrontendChange): readonly string[] {
  return [...rangeLines(frontend), ...clientChangeLines(frontend), ...frontend.settings.map(settingLine)];
}

export function settingLine({ setting, before, after }: SettingChange): string {
  return `${setting}: ${before ?? "none"} -> ${after ?? "none"}`;
}

const classWords = { pod: "pods", node: "the node", outside: "clients outside" } as const;

/** `pods and clients outside`; all classes are `all clients`. */
function clientWords(clients: ClientChange["clients"]): string {
  if (clients.length === Object.keys(classWords).length) return "all clients";
  return clients.map((client) => classWords[client]).join(" and ");
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
function clientChangeLines({ clients: changes, change, leaving }: FrontendChange): readonly string[] {
  const drained = new Set(leaving.flatMap((endpoint) => (endpoint.drained ? [endpoint.place] : [])));
  const clients = new Map<string, ClientChange["clients"]>();
  for (const one of changes) {
    for (const text of clientTexts(one, change, drained))
      clients.set(text, [...(clients.get(text) ?? []), ...one.clients]);
  }
  return [...clients].map(([text, classes]) => `${clientWords(classes)}: ${text}`);
}

function clientTexts(
  { before, after }: ClientChange,
  change: FrontendChange["change"],
  drained: ReadonlySet<string>,
): readonly string[] {
  if (before.verdict !== "endpoints" || after.verdict !== "endpoints") {
    const [was, is] = [servedWords(before), servedWords(after)];
    return [change === "added" ? `${is} (before: ${was})` : `${was} -> ${is}`];
  }
  const lines = endpointLines(before.endpoints, after.endpoints, drained);
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

function endpointLines(
  before: readonly ServedEndpoint[],
  after: readonly ServedEndpoint[],
  drained: ReadonlySet<string>,
): readonly string[] {
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
  for (const [word, isDrained] of [
    ["draining", true],
    ["gone", false],
  ] as const) {
    const list = left.filter(({ place }) => drained.has(place) === isDrained);
    const words = list.map((each) => `${each.place} (was ${percent(each)})`);
    if (words.length > 0) lines.push(`${word}: ${shortList(words, 6)}`);
  }
  const shifts = moved.map((each) => `${each.place} ${percent(olds.get(each.place) ?? each)} -> ${percent(each)}`);
  if (shifts.length > 0) lines.push(`shares: ${shortList(shifts, 6)}`);
  const isReweighted = lines.length === 0 && before.some((each, at) => each.weight !== after[at]?.weight);
  return isReweighted ? ["weights change; the scheduler ignores them in IPVS, other backends follow them"] : lines;
}
