import type { ProxyRoute, ProxyTable } from "../../compiler/backends/userspace/program.ts";
import { type IpAddress, isLoopback, type Prefix, parseAddress, prefixContains } from "../../compiler/net/address.ts";

export type Route = ProxyRoute;

/** Where a client is let in to: a pool by name, or nowhere. */
export type Admission = { readonly pool: string } | { readonly refused: "source" | "no-endpoint" };

export interface Gate {
  readonly sourceRanges: readonly Prefix[] | null;
  readonly routes: readonly Route[];
}

/** What tells whether a client is a pod, or this node. */
export interface Neighbourhood {
  readonly pods: ProxyTable["pods"];
  /** Canonical texts. */
  readonly nodeAddresses: ReadonlySet<string>;
}

/**
 * What the table says of a client: source ranges first, then the first route that its kind of source matches, pods being
 * tested before the node, as everywhere. The interface that a pod's packet came in by is not seen here.
 */
export function admit({ sourceRanges, routes }: Gate, client: string, neighbourhood: Neighbourhood): Admission {
  const [first] = routes;
  if (sourceRanges === null && first?.sources === "any") return admissionOf(first);
  const parsed = parseAddress(client);
  if (!parsed.ok) return { refused: "source" };
  const address = parsed.value;
  if (sourceRanges !== null && !sourceRanges.some((range) => prefixContains(range, address))) {
    return { refused: "source" };
  }
  const kind = kindOf(address, neighbourhood);
  const route = routes.find(({ sources }) => sources === "any" || sources === kind);
  return route === undefined ? { refused: "source" } : admissionOf(route);
}

function admissionOf(route: Route): Admission {
  if ("listener" in route) return { pool: route.listener };
  return { refused: route.verdict === "drop" ? "source" : "no-endpoint" };
}

function kindOf(address: IpAddress, { pods, nodeAddresses }: Neighbourhood): "pod" | "node" | "outside" {
  const detector = pods[address.family];
  if (detector.kind === "prefixes" && detector.prefixes.some((prefix) => prefixContains(prefix, address))) return "pod";
  return isLoopback(address) || nodeAddresses.has(address.text) ? "node" : "outside";
}
