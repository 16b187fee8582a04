import type { ArtifactFile, Backend, BackendName } from "../backends/backend.ts";
import { loadBackend } from "../backends/registry.ts";
import { loadSimulator } from "../backends/simulator.ts";
import { textOf } from "../backends/text.ts";
import { hasErrors } from "../diagnostics/diagnostic.ts";
import type { NodeIr } from "../ir/ir.ts";
import type { BackendCost } from "./change.ts";
import { confirmSide } from "./confirm.ts";
import type { FrontendPair } from "./frontends.ts";

/** The program of one side, with what was printed of it. */
interface Side {
  readonly program: unknown;
  readonly files: readonly ArtifactFile[];
}

/** What a change costs one backend, after packets were sent through both programs to see that they do what is said. */
export async function costOf(
  name: BackendName,
  old: NodeIr | null,
  now: NodeIr | null,
  pairs: readonly FrontendPair[],
): Promise<BackendCost> {
  const backend = await loadBackend(name);
  const [before, after] = [sideOf(backend, old), sideOf(backend, now)];
  if (before === "unable" || after === "unable") return unableCost(name, before, after);
  const operations = backend.delta(before?.program ?? null, after?.program ?? null).flatMap((step) => step.operations);
  const lines = changedLines(before?.files ?? [], after?.files ?? []);
  const was = await follow(name, old, before, pairs, (pair) => pair.before);
  const is = await follow(name, now, after, pairs, (pair) => pair.after);
  return {
    backend: name,
    unable: null,
    operations: operations.length,
    ...lines,
    rulesBefore: was.rules,
    rulesAfter: is.rules,
    confirmed: was.packets + is.packets,
  };
}

function sideOf(backend: Backend<unknown>, ir: NodeIr | null): Side | null | "unable" {
  const side = programOf(backend, ir);
  return side === null || side === "unable" ? side : { ...side, files: backend.print(side.program) };
}

function programOf(backend: Backend<unknown>, ir: NodeIr | null): Pick<Side, "program"> | null | "unable" {
  if (ir === null) return null;
  const { program, diagnostics } = backend.lower(ir);
  return hasErrors(diagnostics) ? "unable" : { program };
}

/** Packets of one more node that changes alike, which do there what is said too. */
export async function confirmedOn(
  name: BackendName,
  old: NodeIr | null,
  now: NodeIr | null,
  pairs: readonly FrontendPair[],
): Promise<number> {
  const backend = await loadBackend(name);
  const [before, after] = [programOf(backend, old), programOf(backend, now)];
  if (before === "unable" || after === "unable") return 0;
  const was = await follow(name, old, before, pairs, (pair) => pair.before);
  const is = await follow(name, now, after, pairs, (pair) => pair.after);
  return was.packets + is.packets;
}

function unableCost(name: BackendName, before: Side | null | "unable", after: Side | null | "unable"): BackendCost {
  const which = before !== "unable" ? "the new spec" : after !== "unable" ? "the old spec" : "either spec";
  const unknown = { operations: 0, linesAdded: 0, linesRemoved: 0, rulesBefore: null, rulesAfter: null, confirmed: 0 };
  return { backend: name, unable: `cannot serve ${which}`, ...unknown };
}

async function follow(
  backend: BackendName,
  ir: NodeIr | null,
  side: Pick<Side, "program"> | null,
  pairs: readonly FrontendPair[],
  own: (pair: FrontendPair) => FrontendPair["before"],
): Promise<{ readonly packets: number; readonly rules: number | null }> {
  if (ir === null || side === null) return { packets: 0, rules: null };
  const simulator = (await loadSimulator(backend)).open(side.program, { nodeAddresses: ir.node.addresses });
  let packets = 0;
  let rules: number | null = null;
  for (const pair of pairs) {
    const seen = confirmSide({ ir, backend, simulator }, pair, own(pair));
    packets += seen.packets;
    if (seen.rules !== null && own(pair) !== null) rules = Math.max(rules ?? 0, seen.rules);
  }
  return { packets, rules };
}

/** Lines that only one version has, each as often as it is there. */
export function changedLines(
  before: readonly ArtifactFile[],
  after: readonly ArtifactFile[],
): { readonly linesAdded: number; readonly linesRemoved: number } {
  const counts = new Map<string, number>();
  const count = (files: readonly ArtifactFile[], by: number): void => {
    for (const file of files) {
      for (const line of textOf(file).split("\n")) {
        const key = `${file.path} ${line}`;
        counts.set(key, (counts.get(key) ?? 0) + by);
      }
    }
  };
  count(before, -1);
  count(after, 1);
  let [linesAdded, linesRemoved] = [0, 0];
  for (const difference of counts.values()) {
    if (difference > 0) linesAdded += difference;
    else linesRemoved -= difference;
  }
  return { linesAdded, linesRemoved };
}
