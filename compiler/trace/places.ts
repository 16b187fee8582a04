import { elementComment } from "../backends/nftables/names.ts";
import type { End } from "../backends/simulation.ts";
import type { PathStep } from "../backends/simulator.ts";
import type { IrEndpoint, IrFrontend, NodeIr } from "../ir/ir.ts";
import { formatSocket } from "../net/socket.ts";
import { formatPlace } from "../source.ts";
import type { SourceOf } from "./trace.ts";

/** Where the parts of a packet's service are declared, for the rules that it meets. */
export function sourcesIn(ir: NodeIr, frontend: IrFrontend | null): SourceOf {
  if (frontend === null) return (step) => declarationOf(ir, step.key);
  const endpoints = new Map(
    endpointsOf(frontend).map((each) => [formatSocket(each.address, each.port), formatPlace(each.origin)]),
  );
  const declared = formatPlace(frontend.origin);
  return (step, end) => {
    const ofEndpoint = isForEndpoint(step, end) ? endpoints.get(socketOf(end)) : undefined;
    if (ofEndpoint !== undefined) return ofEndpoint;
    if (step.key === null) return null;
    return step.key === frontend.key || step.key === elementComment(frontend.key)
      ? declared
      : declarationOf(ir, step.key);
  };
}

/** Every endpoint that a frontend has in any of its routes, each once. */
export function endpointsOf(frontend: IrFrontend): readonly IrEndpoint[] {
  const found = new Map<string, IrEndpoint>();
  for (const { pool } of frontend.routes) {
    for (const each of [...pool.endpoints, ...pool.drained]) {
      const place = formatSocket(each.address, each.port);
      if (!found.has(place)) found.set(place, each);
    }
  }
  return [...found.values()];
}

function socketOf(end: End): string {
  return end.kind === "translated" ? formatSocket(end.address, end.port) : "";
}

/** A rule that names the endpoint's address and port, or that translates to what a map says. */
export function isForEndpoint({ rule }: PathStep, end: End): boolean {
  if (end.kind !== "translated") return false;
  if (/^dnat (?:ip6? )?to .*@/.test(rule)) return true;
  const at = rule.indexOf(socketOf(end));
  return at > 0 && !/[0-9a-f.:[]/.test(rule[at - 1] ?? "") && !/[0-9]/.test(rule[at + socketOf(end).length] ?? "");
}

function declarationOf(ir: NodeIr, key: string | null): string | null {
  if (key === null) return null;
  for (const { frontends } of ir.services) {
    const found = frontends.find((each) => each.key === key || elementComment(each.key) === key);
    if (found !== undefined) return formatPlace(found.origin);
  }
  return null;
}
