import type { BackendName } from "../backends/backend.ts";
import { nearest } from "../diagnostics/suggest.ts";
import { formatSocket } from "../net/socket.ts";
import { meaningOf } from "./fixed-objects.ts";
import { parseSocket } from "./packet-words.ts";

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
  readonly words: readonly string[];
  /** What packets ask for: `10.96.0.10:80`, and its protocol where one was named. */
  readonly socket: { readonly text: string; readonly address: string; readonly port: number } | null;
  readonly protocols: readonly string[];
  readonly mark: number | null;
}

const protocolNames = ["tcp", "udp", "sctp"] as const;
const serviceFlags: Readonly<Record<string, string>> = { tcp: "-t", udp: "-u", sctp: "--sctp-service" };

export function queryOf(name: string): Query {
  const bare = name
    .trim()
    .replace(/^"(.*)"$/, "$1")
    .replace(/^@/, "")
    .replace(/^(?:(?:ip6?|inet) )?weir (?:(?:chain|set|map) )?(?=[a-z])/, "")
    .replace(/\s+/g, " ");
  const protocol = protocolNames.find(
    (each) => bare.toLowerCase().startsWith(`${each} `) || bare.startsWith(`${serviceFlags[each]} `),
  );
  const element = /^([0-9a-f.:]+) \. (tcp|udp|sctp) \. ([0-9]+)$/.exec(bare);
  const rest = protocol === undefined ? bare : bare.slice(bare.indexOf(" ") + 1);
  const [, address = "", ofElement, port = ""] = element ?? [];
  const written = element === null ? rest : `${address.includes(":") ? `[${address}]` : address}:${port}`;
  const parsed = parseSocket(written);
  const mark = /^(?:(?:fwmark|-f|mark) )?(0x[0-9a-fA-F]{1,8}|[0-9]{1,10})$/i.exec(bare)?.[1];
  const number = mark === undefined ? null : Number(mark);
  const chosen = ofElement ?? protocol;
  return {
    words: [...new Set([bare, name, ...(number === null ? [] : [`-f ${number}`, `0x${number.toString(16)}`])])],
    socket: parsed.ok
      ? {
          text: formatSocket(parsed.value.address, parsed.value.port),
          address: parsed.value.address.text,
          port: parsed.value.port,
        }
      : null,
    protocols: chosen === undefined ? protocolNames : [chosen],
    mark: number,
  };
}

/** What a query is in one ruleset; several things when tools write them alike. */
export function explainIn(query: Query, ruleset: Ruleset): readonly Explanation[] {
  const found = [...named(query, ruleset), ...recentLists(query, ruleset), ...sockets(query, ruleset)];
  if (found.length > 0) return found;
  const keys = new Set(ruleset.names.values());
  for (const line of ruleset.lines) {
    for (const match of line.matchAll(/(?:comment |"key": )"([^"]*)"/g)) keys.add(match[1] ?? null);
  }
  return [...keys].flatMap((key) => {
    const isMeant = key !== null && query.words.some((word) => word === key || key.startsWith(`${word}:`));
    if (!isMeant) return [];
    return [explanation(ruleset, "service port", "comment on the rules that are made for it", key, [key])];
  });
}

function explanation(
  { node, backend, lines }: Ruleset,
  what: string,
  text: string,
  key: string | null,
  tokens: readonly string[],
): Explanation {
  return {
    backend,
    what,
    text,
    key,
    nodes: [node],
    rules: lines.filter((line) => tokens.some((one) => has(line, one))),
  };
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
  const servers = query.protocols.map((protocol) => `${serviceFlags[protocol]} ${query.socket?.text ?? ""}`);
  const words = query.socket === null ? query.words : [...query.words, ...servers];
  return words.flatMap((word) => {
    const key = ruleset.names.get(word);
    const meaning = key === undefined ? null : meaningOf(ruleset.backend, word);
    if (key === undefined || meaning === null) return [];
    return [explanation(ruleset, meaning.what, meaning.text, key, [word])];
  });
}

/** Lists of xt_recent are named in rules only. */
function recentLists(query: Query, ruleset: Ruleset): readonly Explanation[] {
  const [word = ""] = query.words;
  if (ruleset.backend !== "iptables" || !word.startsWith("weir-")) return [];
  const line = ruleset.lines.find((each) => each.includes(` --name ${word} `));
  const meaning = meaningOf("iptables", word);
  if (line === undefined || meaning === null) return [];
  const key = ruleset.names.get(/^-A (\S+)/.exec(line)?.[1] ?? "") ?? null;
  return [explanation(ruleset, meaning.what, meaning.text, key, [word])];
}

/** Frontends by what packets ask for, and endpoints, where the backend gives them no name. */
function sockets(query: Query, ruleset: Ruleset): readonly Explanation[] {
  if (query.socket === null) return [];
  const { address, port, text } = query.socket;
  const found: Explanation[] = [];
  for (const protocol of query.protocols) {
    const element = `${address} . ${protocol} . ${port}`;
    const rule = new RegExp(`^-A \\S+ -d ${escaped(address)}/(?:32|128) -p ${protocol} .*--dport ${port} `);
    const isDispatch = (line: string): boolean =>
      ruleset.backend === "nftables" ? line.trimStart().startsWith(`${element} comment `) : rule.test(line);
    const lines = ruleset.lines.filter(isDispatch);
    const key = lines.map((line) => /comment "([^"]*)"/.exec(line)?.[1]).find((each) => each !== undefined);
    if (key === undefined || ruleset.backend === "ipvs") continue;
    const what = ruleset.backend === "nftables" ? "element of maps" : "frontend";
    const rules = ruleset.backend === "nftables" ? ruleset.lines.filter((line) => has(line, element)) : lines;
    const words = `where ${protocol} connections to ${text} are taken up`;
    found.push({ backend: ruleset.backend, what, text: words, key, nodes: [ruleset.node], rules });
  }
  return [...found, ...proxySockets(query, ruleset)];
}

function proxySockets({ socket, protocols }: Query, ruleset: Ruleset): readonly Explanation[] {
  if (ruleset.backend !== "userspace" || socket === null) return [];
  const { lines } = ruleset;
  for (const [at, line] of lines.entries()) {
    const [, protocol = "", address, port] =
      /^ *"listen": .*"protocol": "([^"]*)", "address": "([^"]*)", "port": ([0-9]+)/.exec(line) ?? [];
    if (address !== socket.address || Number(port) !== socket.port || !protocols.includes(protocol)) continue;
    const key = /"key": "([^"]*)"/.exec(lines[at - 1] ?? "")?.[1] ?? null;
    const name = /"name": "([^"]*)"/.exec(lines[at - 2] ?? "")?.[1];
    const text = meaningOf("userspace", name ?? "")?.text ?? "socket of the proxy";
    return [{ backend: "userspace", what: "listener", text, key, nodes: [ruleset.node], rules: [line.trim()] }];
  }
  return [];
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** The same thing on several nodes is said once. */
export function joined(explanations: readonly Explanation[]): readonly Explanation[] {
  const found = new Map<string, Explanation>();
  for (const each of explanations) {
    const id = JSON.stringify([each.backend, each.what, each.text, each.key]);
    const known = found.get(id);
    const nodes = [...new Set([...(known?.nodes ?? []), ...each.nodes])];
    found.set(id, { ...(known ?? each), nodes });
  }
  return [...found.values()];
}

const mostSuggestions = 5;

/** Names that are near, or that share their beginning with what was asked for. */
export function suggestionsFor(name: string, rulesets: readonly Ruleset[]): readonly string[] {
  const names = new Set(
    rulesets.flatMap((ruleset) => [...ruleset.names].flatMap(([one, key]) => (key === null ? [one] : [one, key]))),
  );
  const near = nearest(name, names);
  const start = name.slice(0, Math.max(4, Math.ceil(name.length * 0.6))).toLowerCase();
  const alike = [...names].filter((one) => one.toLowerCase().startsWith(start));
  return [...new Set([...(near === null ? [] : [near]), ...alike])].slice(0, mostSuggestions);
}
