import type { Host } from "../host/host.ts";
import type { ToolFacts } from "./facts.ts";

/** Programs that weir runs or that help to look into a node, with the argument that makes them tell their version. */
export const probedTools: Readonly<Record<string, string>> = {
  nft: "--version",
  "iptables-nft": "--version",
  "ip6tables-nft": "--version",
  "iptables-legacy": "--version",
  "ip6tables-legacy": "--version",
  iptables: "--version",
  ip6tables: "--version",
  ipset: "--version",
  ipvsadm: "--version",
  ip: "-V",
  modprobe: "--version",
  conntrack: "--version",
};

/** Which programs are installed, and their versions. A program that fails to tell is there all the same. */
export async function probeTools(host: Host): Promise<Readonly<Record<string, ToolFacts>>> {
  const found = await Promise.all(
    Object.entries(probedTools).map(async ([tool, argument]) => [tool, await probeTool(host, tool, argument)] as const),
  );
  return Object.fromEntries(found);
}

async function probeTool(host: Host, tool: string, argument: string): Promise<ToolFacts> {
  const path = await host.find(tool);
  if (path === null) return { path, version: null };
  const told = await host.run({ argv: [tool, argument], timeoutMs: 10_000 }).catch(() => null);
  return { path, version: told === null ? null : versionIn(`${told.stdout}\n${told.stderr}`) };
}

/** The first thing that looks like a version: `nftables v1.0.6 (…)`, `iproute2-6.1.0`, `kmod version 30`. */
export function versionIn(text: string): string | null {
  return /(?:\bv|version |-)(\d+(?:\.\d+)*)/.exec(text)?.[1] ?? null;
}

/** Whether a version is at least another; numbers part by part, anything after them does not count: `6.1.0-18-amd64`. */
export function isAtLeast(version: string, least: string): boolean {
  const [have, need] = [numbers(version), numbers(least)];
  for (const [at, part] of need.entries()) {
    const own = have[at] ?? 0;
    if (own !== part) return own > part;
  }
  return true;
}

function numbers(version: string): readonly number[] {
  return (/^\d+(\.\d+)*/.exec(version)?.[0] ?? "").split(".").map(Number);
}
