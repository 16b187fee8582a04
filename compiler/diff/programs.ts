import type { BackendName, FileTexts } from "../backends/backend.ts";
import { loadBackend } from "../backends/registry.ts";
import { textOf } from "../backends/text.ts";
import { hasErrors } from "../diagnostics/diagnostic.ts";
import type { NodeIr } from "../ir/ir.ts";
import { compareText } from "../net/order.ts";
import type { BackendCost, Diff, NodeChange } from "./change.ts";
import { changedLines } from "./cost.ts";

/** The rules of one node on both sides, by path: `nftables/ruleset.nft`. */
export interface NodeFiles {
  readonly name: string;
  readonly before: FileTexts;
  readonly after: FileTexts;
  /** Those that both sides were compiled for. */
  readonly backends: readonly BackendName[];
}

/** What a node's rules are when a spec is compiled; nothing from a backend that cannot serve it. */
export async function filesOf(ir: NodeIr, backends: readonly BackendName[]): Promise<FileTexts> {
  const files = new Map<string, string>();
  for (const name of backends) {
    const backend = await loadBackend(name);
    const { program, diagnostics } = backend.lower(ir);
    if (hasErrors(diagnostics)) continue;
    for (const file of backend.print(program)) files.set(file.path, textOf(file));
  }
  return files;
}

/**
 * Compares rules where there is no spec for one of them: which service ports they differ for, and what it costs. What
 * that means for each client is not told, because a program does not hold what was meant.
 */
export async function comparePrograms(old: string, now: string, nodes: readonly NodeFiles[]): Promise<Diff> {
  const changes: NodeChange[] = [];
  for (const node of nodes) {
    const change = await compareNode(node);
    if (change !== null) changes.push(change);
  }
  const common = { compared: "programs", concerns: [], settings: [], nodeCount: nodes.length } as const;
  return { old, new: now, ...common, nodes: changes };
}

async function compareNode({ name, before, after, backends }: NodeFiles): Promise<NodeChange | null> {
  const costs: BackendCost[] = [];
  const keys = new Set<string>();
  for (const backend of backends) {
    const [olds, news] = [ofBackend(before, backend), ofBackend(after, backend)];
    const lines = changedLines(asFiles(olds), asFiles(news));
    const { parse, delta } = await loadBackend(backend);
    const steps = delta(olds.size === 0 ? null : parse(olds), news.size === 0 ? null : parse(news));
    const operations = steps.flatMap((step) => step.operations);
    for (const { key } of operations) if (key !== null) keys.add(key);
    if (lines.linesAdded + lines.linesRemoved + operations.length === 0) continue;
    const unknown = { unable: null, rulesBefore: null, rulesAfter: null, confirmed: 0 };
    costs.push({ backend, operations: operations.length, ...lines, ...unknown });
  }
  if (costs.length === 0) return null;
  const change = before.size === 0 ? "added" : after.size === 0 ? "removed" : "changed";
  const touched = [...keys].sort(compareText);
  return { nodes: [name], change, concerns: [], settings: [], services: [], touched, costs, followed: 0 };
}

function ofBackend(files: FileTexts, backend: BackendName): FileTexts {
  return new Map([...files].filter(([path]) => path.startsWith(`${backend}/`)));
}

function asFiles(files: FileTexts): Parameters<typeof changedLines>[0] {
  return [...files].map(([path, text]) => ({ path, chunks: [text] }));
}
