import type { BackendName } from "../backends/backend.ts";
import { nearest } from "../diagnostics/suggest.ts";
import { type Protocol, protocols } from "../net/port.ts";
import { meaningOf } from "./fixed-objects.ts";
import { namesMeant, numberMeant, type PlaceAsked, placeAsked } from "./names-meant.ts";

/** The rules of one backend on one node, as they are printed, and what their names serve. */
export interface Ruleset {
  readonly node: string;
  readonly backend: BackendName;
  readonly names: ReadonlyMap<string, string | null>;
  readonly lines: readonly string[];
}

/** What a name is in the rules of one backend. */
export interface Explanation {
  readonly backend: BackendName;
  /** As the backend's rules write it. */
  readonly name: string;
  /** `chain`, `IPv4 set`, `virtual server`, … */
  readonly what: string;
  readonly text: string;
  /** The service port that it serves; null for what serves all. */
  readonly key: string | null;
  readonly nodes: readonly string[];
  /** Lines of the first of the nodes' rules that name it. */
  readonly rules: readonly string[];
}

/** The ways in which tools write one name: people paste what they see. */
export interface Query {
  /** The name without what stands around it comes first. */
  readonly words: readonly string[];
  readonly place: PlaceAsked | null;
  readonly number: number | null;
}

export function queryOf(name: string): Query {
  const words = namesMeant(name);
  const [bare = name] = words;
  return { words, place: placeAsked(bare), number: numberMeant(bare) };
}

/** What a query is in one ruleset; several things when tools write them alike. */
export function explainIn(query: Query, ruleset: Ruleset): readonly Explanation[] {
  const found = [
    ...named(query, ruleset),
    ...recentLists(query, ruleset),
    ...frontends(query, ruleset),
    ...listeners(query, ruleset),
  ];
  if (found.length > 0) return found;
  const keys = new Set(ruleset.names.values());
  for (const line of ruleset.lines) {
    for (const match of line.matchAll(/(?:comment |"key": )"([^"]*)"/g)) keys.add(match[1] ?? null);
  }
  return [...keys].flatMap((key) => {
    const isMeant = key !== null && query.words.some((word) => word === key || key.startsWith(`${word}:`));
    if (!isMeant) return [];
    return [explanation(ruleset, "service port", "comment on the rules that are made for it", key, key)];
  });
}

function explanation(
  { node, backend, lines }: Ruleset,
  what: string,
  text: string,
  key: string | null,
  name: string,
): Explanation {
  return { backend, name, what, text, key, nodes: [node], rules: lines.filter((line) => has(line, name)) };
}

/** Whether a line has a name as a whole word. */
function has(line: string, token: string): boolean {
  for (let at = line.indexOf(token); at !== -1; at = line.indexOf(token, at + 1)) {
    const [before, after] = [line[at - 1] ?? " ", line[at + token.length] ?? " "];
    if (!/[A-Za-z0-9_.:-]/.test(before) && !/[A-Za-z0-9_-]/.test(after)) return true;
  }
  return false;
}

/** Chains, sets, maps, virtual servers, marks, listeners. */
function named(query: Query, ruleset: Ruleset): readonly Explanation[] {
  return query.words.flatMap((word) => {
    const key = ruleset.names.get(word);
    const meaning = key === undefined ? null : meaningOf(ruleset.backend, word);
    if (key === undefined || meaning === null) return [];
    return [explanation(ruleset, meaning.what, meaning.text, key ?? keyOfWide(word, ruleset), word)];
  });
}

/** nftables: what one large pool has for itself is named for its frontend, whose element leads there. */
function keyOfWide(name: string, { backend, lines }: Ruleset): string | null {
  const suffix = /(?:^weights[23]?|-wide)-(.+)$/.exec(name)?.[1];
  if (suffix === undefined || backend !== "nftables") return null;
  return (
    lines.map((line) => (line.includes(`-wide-${suffix}`) ? commentIn(line) : null)).find((key) => key !== null) ?? null
  );
}

function commentIn(line: string): string | null {
  return /comment "([^"]*)"/.exec(line)?.[1] ?? null;
}

/** Lists of xt_recent are named in rules only. */
function recentLists({ words: [word = ""] }: Query, ruleset: Ruleset): readonly Explanation[] {
  if (ruleset.backend !== "iptables" || !word.startsWith("weir-")) return [];
  const line = ruleset.lines.find((each) => each.includes(` --name ${word} `));
  const meaning = meaningOf("iptables", word);
  if (line === undefined || meaning === null) return [];
  const key = ruleset.names.get(/^-A (\S+)/.exec(line)?.[1] ?? "") ?? null;
  return [explanation(ruleset, meaning.what, meaning.text, key, word)];
}

/** Frontends by what packets ask for, where the backend gives them no name of their own. */
function frontends({ place }: Query, ruleset: Ruleset): readonly Explanation[] {
  if (place === null) return [];
  return protocols.flatMap((protocol) => {
    if (place.protocol !== null && place.protocol !== protocol) return [];
    const name = frontendName(place, protocol, ruleset.backend);
    const isFrontend = frontendPattern(place, protocol, ruleset.backend);
    const lines = ruleset.lines.filter((line) => isFrontend.test(line));
    const key = lines.map(commentIn).find((each) => each !== null);
    if (key === undefined) return [];
    const where = place.address === null ? `node port ${place.port}` : `${place.address}, port ${place.port}`;
    const rules = ruleset.backend === "nftables" ? ruleset.lines.filter((line) => has(line, name)) : lines;
    const what = { iptables: "frontend", userspace: "frontend", ipvs: "element of sets", nftables: "element of maps" }[
      ruleset.backend
    ];
    const text = `where ${protocol} connections to ${where} are taken up`;
    return [{ backend: ruleset.backend, name, what, text, key, nodes: [ruleset.node], rules }];
  });
}

function frontendName({ address, port }: PlaceAsked, protocol: Protocol, backend: BackendName): string {
  if (backend === "nftables") return [...(address === null ? [] : [address]), protocol, port].join(" . ");
  if (address === null) return `${protocol} ${port}`;
  return `${address},${protocol}:${port}`;
}

/** The lines that begin with a frontend, and name its service port in a comment. */
function frontendPattern(place: PlaceAsked, protocol: Protocol, backend: BackendName): RegExp {
  const [address, { port }] = [place.address === null ? null : escaped(place.address), place];
  switch (backend) {
    case "nftables":
      return new RegExp(`^\\s*${address === null ? "" : `${address} \\. `}${protocol} \\. ${port} comment "`);
    case "ipvs":
      return new RegExp(
        `^add weir6?-(?:frontends|node-ports)\\S* ${address ?? "[^ ,]*"},${protocol}:${port} comment "`,
      );
    case "iptables":
    case "userspace": {
      const from = address === null ? "(?!.* -d )" : `-d ${address}/(?:32|128) `;
      return new RegExp(`^-A \\S+ ${from}-p ${protocol} .*--dport ${port} .*comment "`);
    }
  }
}

/** Sockets of the proxy, by address and port or by the port alone. */
function listeners({ place, number }: Query, { backend, lines, node }: Ruleset): readonly Explanation[] {
  if (backend !== "userspace") return [];
  return lines.flatMap((line, at) => {
    const [, protocol = "", address, port] =
      /^ *"listen": .*"protocol": "([^"]*)", "address": "([^"]*)", "port": ([0-9]+)/.exec(line) ?? [];
    const isPlace =
      place !== null &&
      place.address === address &&
      place.port === Number(port) &&
      (place.protocol === null || place.protocol === protocol);
    if (address === undefined || !(isPlace || number === Number(port))) return [];
    const key = /"key": "([^"]*)"/.exec(lines[at - 1] ?? "")?.[1] ?? null;
    const name = /"name": "([^"]*)"/.exec(lines[at - 2] ?? "")?.[1] ?? "";
    const text = meaningOf("userspace", name)?.text ?? "socket of the proxy";
    return [{ backend, name, what: "listener", text, key, nodes: [node], rules: [line] }];
  });
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** The same thing on several nodes is said once. */
export function joined(explanations: readonly Explanation[]): readonly Explanation[] {
  const found = new Map<string, Explanation>();
  for (const each of explanations) {
    const id = JSON.stringify([each.backend, each.name, each.what, each.text, each.key]);
    const known = found.get(id);
    const nodes = [...new Set([...(known?.nodes ?? []), ...each.nodes])];
    found.set(id, { ...(known ?? each), nodes });
  }
  return [...found.values()];
}

const mostSuggestions = 5;

/** Names that are near, that have what was asked for in them, or that share their beginning with it. */
export function suggestionsFor(name: string, rulesets: readonly Ruleset[]): readonly string[] {
  const names = new Set(
    rulesets.flatMap((ruleset) => [...ruleset.names].flatMap(([one, key]) => (key === null ? [one] : [one, key]))),
  );
  const near = nearest(name, names);
  const start = name.slice(0, Math.max(4, Math.ceil(name.length * 0.6))).toLowerCase();
  const alike = [...names].filter((one) => one.toLowerCase().startsWith(start));
  const within = name.length < 4 ? [] : [...names].filter((one) => has(one, name));
  return [...new Set([...(near === null ? [] : [near]), ...within, ...alike])].slice(0, mostSuggestions);
}
