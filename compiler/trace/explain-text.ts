import { visible } from "../diagnostics/visible.ts";
import type { NodeIr } from "../ir/ir.ts";
import { formatSocket } from "../net/socket.ts";
import { formatPlace } from "../source.ts";
import type { Explanation } from "./explain.ts";
import { endpointsOf } from "./places.ts";

/** What hangs on a service port, on one node. */
export interface Attached {
  /** Where the port is declared; null when nothing tells. */
  readonly source: string | null;
  readonly frontends: readonly { readonly kind: string; readonly protocol: string; readonly at: string }[];
  readonly endpoints: readonly { readonly at: string; readonly source: string }[];
}

/** From the spec as one node has it; null for a key that it does not have. */
export function attachedIn(ir: NodeIr, key: string): Attached | null {
  const frontends = ir.services.flatMap((service) => service.frontends.filter((each) => each.key === key));
  const [first] = frontends;
  if (first === undefined) return null;
  const endpoints = new Map(
    frontends.flatMap((frontend) =>
      endpointsOf(frontend).map((each) => [formatSocket(each.address, each.port), formatPlace(each.origin)] as const),
    ),
  );
  return {
    source: formatPlace(first.origin),
    frontends: frontends.map(({ kind, protocol, address, port }) => ({
      kind,
      protocol,
      at: address === null ? `*:${port}` : formatSocket(address, port),
    })),
    endpoints: [...endpoints].map(([at, source]) => ({ at, source })),
  };
}

/** The answer as `--json` prints it. */
export function explainJson(
  name: string,
  found: readonly Explanation[],
  attached: (key: string) => Attached | null,
): string {
  const matches = found.map(({ backend, name: called, what, text, key, nodes, rules }) => {
    const more = key === null ? null : attached(key);
    return {
      backend,
      name: called,
      what,
      text,
      service: key,
      source: more?.source ?? null,
      nodes,
      frontends: more?.frontends ?? [],
      endpoints: more?.endpoints ?? [],
      rules: rules.map((rule) => rule.trim()),
    };
  });
  return `${JSON.stringify({ name, matches }, null, 2)}\n`;
}

const mostRules = 8;
const mostAttached = 16;

/** The answer for people: each thing that the name is, then what hangs on its service port, once. */
export function explainText(
  name: string,
  found: readonly Explanation[],
  attached: (key: string) => Attached | null,
): string {
  const lines = found.flatMap(({ backend, what, text, key, nodes, rules }) => [
    `${name}: ${what} of ${backend}, on ${nodes.join(", ")}`,
    `  ${text}`,
    ...(key === null ? ["  serves all services"] : [`  serves ${placeOf(key, attached(key))}`]),
    ...shortened(
      rules.map((rule) => rule.trim()),
      mostRules,
    ).map((rule) => `    ${rule}`),
    "",
  ]);
  for (const key of new Set(found.flatMap((each) => (each.key === null ? [] : [each.key])))) {
    const more = attached(key);
    if (more === null || more.frontends.length === 0) continue;
    lines.push(`${placeOf(key, more)}:`);
    const frontends = more.frontends.map((each) => `${each.protocol} ${each.at} (${each.kind})`);
    const endpoints = more.endpoints.map((each) => `${each.at} (${each.source})`);
    lines.push(...shortened(frontends, mostAttached).map((each) => `  frontend ${each}`));
    lines.push(...shortened(endpoints, mostAttached).map((each) => `  endpoint ${each}`));
    if (endpoints.length === 0) lines.push("  no endpoint");
    lines.push("");
  }
  return lines
    .map((line) => `${visible(line)}\n`)
    .join("")
    .replace(/\n\n$/, "\n");
}

function placeOf(key: string, attached: Attached | null): string {
  return attached?.source == null ? key : `${key} (${attached.source})`;
}

function shortened(list: readonly string[], most: number): readonly string[] {
  return list.length <= most ? list : [...list.slice(0, most), `… and ${list.length - most} more (--json has all)`];
}
