import { prefixContains } from "../../net/address.ts";
import { one } from "../../net/fraction.ts";
import type { Packet } from "../packet.ts";
import { isLocal, type Surroundings } from "../simulation.ts";
import type { ProxyFrontend, ProxyListener, ProxyRoute, ProxyTable } from "./program.ts";
import { choicesOf, type ProxyBranch } from "./simulate.ts";

/**
 * Follows the first packet of a connection to a proxy without rules, which has the addresses of services itself and goes
 * by the frontends of its table. null where the table does not tell: interfaces are seen by rules alone.
 */
export function simulateTable(
  table: ProxyTable,
  surroundings: Surroundings,
  packet: Packet,
): readonly ProxyBranch[] | null {
  const memory = new Map();
  const ended = (kind: "pass" | "drop" | "reject"): readonly ProxyBranch[] => [
    { share: one, end: { kind }, traces: null, path: () => [], memory },
  ];
  const frontend = frontendFor(table, surroundings, packet);
  if (frontend === undefined) return ended("pass");
  const { sourceRanges, routes } = frontend;
  if (sourceRanges?.some((range) => prefixContains(range, packet.source)) === false) return ended("drop");
  const route = routeFor(table, surroundings, packet, routes);
  if (route === null) return null;
  if ("verdict" in route) return ended(route.verdict);
  const listener = indexOf(table).listeners.get(route.listener);
  if (listener === undefined) return ended("reject");
  return choicesOf(listener, packet, memory, 0).map(({ endpoint, part, after }) => ({
    share: part,
    end: { kind: "translated", address: endpoint.address, port: endpoint.port, masquerade: true },
    traces: null,
    path: () => [{ listener }],
    memory: after,
  }));
}

/** What is looked up in a table, made once for many packets. */
interface TableIndex {
  /** By what packets ask for. */
  readonly frontends: ReadonlyMap<string, ProxyFrontend>;
  /** By name. */
  readonly listeners: ReadonlyMap<string, ProxyListener>;
}

const indexes = new WeakMap<ProxyTable, TableIndex>();

/** A service's own address wins over a node port on it. */
function frontendFor(table: ProxyTable, surroundings: Surroundings, packet: Packet): ProxyFrontend | undefined {
  const { destination, protocol, port } = packet;
  const { family } = destination;
  const byPlace = indexOf(table).frontends;
  const own = byPlace.get(`${family} ${protocol} ${destination.text} ${port}`);
  if (own !== undefined || !isLocal(surroundings, destination)) return own;
  const selection = table.nodePortAddresses[family];
  const isSelected = surroundings.nodeAddresses.some(({ text }) => text === destination.text);
  if (!isSelected) return undefined;
  if (selection.kind === "prefixes" && !selection.prefixes.some((each) => prefixContains(each, destination)))
    return undefined;
  return byPlace.get(`${family} ${protocol} any ${port}`);
}

function indexOf(table: ProxyTable): TableIndex {
  const known = indexes.get(table);
  if (known !== undefined) return known;
  const frontends = new Map(
    table.frontends.map((each) => [
      `${each.family} ${each.protocol} ${each.address?.text ?? "any"} ${each.port}`,
      each,
    ]),
  );
  const index = { frontends, listeners: new Map(table.listeners.map((each) => [each.name, each])) };
  indexes.set(table, index);
  return index;
}

/** null where a pod is told by its interface, and pods fare otherwise. */
function routeFor(
  { pods }: ProxyTable,
  surroundings: Surroundings,
  { source }: Packet,
  routes: readonly ProxyRoute[],
): ProxyRoute | null {
  const detector = pods[source.family];
  const isPod = detector.kind === "prefixes" && detector.prefixes.some((prefix) => prefixContains(prefix, source));
  const kind = isPod ? "pod" : isLocal(surroundings, source) ? "node" : "outside";
  const isUntold = detector.kind === "interface" || detector.kind === "interface-prefix";
  if (isUntold && routes.some(({ sources }) => sources === "pod")) return null;
  return routes.find(({ sources }) => sources === "any" || sources === kind) ?? null;
}
