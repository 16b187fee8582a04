import { createTwoFilesPatch } from "diff";
import type { BackendName } from "../backends/backend.ts";
import { loadBackend } from "../backends/registry.ts";
import { textOf } from "../backends/text.ts";
import { hasErrors } from "../diagnostics/diagnostic.ts";
import { visibleLines } from "../diagnostics/visible.ts";
import type { NodeIr } from "../ir/ir.ts";
import { formatPlace } from "../source.ts";
import type { NodePair } from "./compare.ts";

/** The changed rules as a unified diff, with the places of the services that they are for. */
export async function printRules(nodes: readonly NodePair[], backends: readonly BackendName[]): Promise<string> {
  const parts: string[] = [];
  for (const node of nodes) {
    for (const backend of backends) {
      const [before, after] = [await filesOf(backend, node.before), await filesOf(backend, node.after)];
      for (const path of [...new Set([...before.keys(), ...after.keys()])]) {
        const [old, now] = [before.get(path) ?? "", after.get(path) ?? ""];
        if (old === now) continue;
        const patch = patchOf(`${node.name}/${path}`, old, now);
        parts.push(...placesIn(patch, node), patch);
      }
    }
  }
  return visibleLines(parts.join("").replaceAll("\t", "        "));
}

/** A backend that cannot serve a spec has no files. */
async function filesOf(name: BackendName, ir: NodeIr | null): Promise<ReadonlyMap<string, string>> {
  if (ir === null) return new Map();
  const backend = await loadBackend(name);
  const { program, diagnostics } = backend.lower(ir);
  if (hasErrors(diagnostics)) return new Map();
  return new Map(backend.print(program).map((file) => [file.path, textOf(file)] as const));
}

/** Searching for the least patch takes the square of the changes: beyond this the file is told as a whole. */
const mostEdits = 20_000;

function patchOf(path: string, old: string, now: string): string {
  const options = { context: 1, maxEditLength: mostEdits };
  const patch = createTwoFilesPatch(`a/${path}`, `b/${path}`, old, now, undefined, undefined, options);
  if (patch === undefined) return `Files a/${path} and b/${path} differ in more than ${mostEdits} lines\n`;
  return patch.replace(/^=+\n/, "");
}

/** `# shop/web:http is declared at shop.weir:31`, for every service port that a changed line names. */
function placesIn(patch: string, node: NodePair): readonly string[] {
  const places = new Map<string, string>();
  for (const ir of [node.before, node.after]) {
    for (const service of ir?.services ?? []) {
      for (const { key, origin } of service.frontends) places.set(key, formatPlace(origin));
    }
  }
  const changed = patch.split("\n").filter((line) => /^[+-]/.test(line));
  const named = new Set(
    changed.flatMap((line) => [...line.matchAll(/[a-z0-9.-]+\/[a-z0-9.-]+(?::[a-z0-9-]+)?/g)].map(([key]) => key)),
  );
  return [...places].filter(([key]) => named.has(key)).map(([key, place]) => `# ${key} is declared at ${place}\n`);
}
