import type { BackendName } from "../backends/backend.ts";
import { loadBackend } from "../backends/registry.ts";
import { addAll, type Diagnostic, hasErrors } from "../diagnostics/diagnostic.ts";
import { countDiagnostics, jsonDiagnostic } from "../diagnostics/render-json.ts";
import { visibleLines } from "../diagnostics/visible.ts";
import type { NodeIr } from "../ir/ir.ts";
import { irOf } from "../pipeline.ts";
import type { Spec } from "../spec/schema.ts";
import { describeDifference, jsonDifference } from "../verify/describe.ts";
import type { VerifyReport } from "../verify/difference.ts";
import { verifyFiles } from "../verify/verify.ts";
import { backendsOf } from "./backends.ts";
import { compiledFolderIn } from "./compiled.ts";
import { type Context, counted, distinctDiagnostics, remark, report } from "./context.ts";
import { exitCodes, UsageError } from "./exit.ts";
import { loadSpec } from "./load.ts";
import { type ChosenNode, chosenNodes, type NodeOptions } from "./nodes.ts";
import { showProgress } from "./progress.ts";
import { compiledSubjects } from "./verify-compiled.ts";

export interface VerifyOptions extends NodeOptions {
  readonly backend?: readonly string[];
  readonly stdinName?: string;
  readonly compiled?: string;
}

/** What was found for one node and backend; null for a backend that cannot do what the spec says. */
export interface Checked {
  readonly node: string;
  readonly backend: BackendName;
  readonly report: VerifyReport | null;
}

/** One node's rules, freshly compiled or as a compiled folder has them. */
export interface Subject extends ChosenNode {
  readonly backends: readonly BackendName[];
  check(ir: NodeIr, backend: BackendName): Promise<Found>;
}

/** `report` is null for a backend that cannot do what the spec says. */
interface Found {
  readonly report: VerifyReport | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** `weir verify`: the printed rules of each backend, read back, against the meaning of the spec, for all packets. */
export async function verify(context: Context, paths: readonly string[], options: VerifyOptions): Promise<number> {
  assertSpecs(paths);
  const loaded = await loadSpec(paths, options.stdinName ?? null, context.io);
  const diagnostics: Diagnostic[] = [...loaded.diagnostics];
  const checked: Checked[] = [];
  if (!hasErrors(diagnostics)) {
    for (const node of await subjectsOf(context, loaded.spec, options)) {
      const resolved = irOf(loaded.spec, node.name, node.overrides);
      addAll(diagnostics, resolved.diagnostics);
      if (hasErrors(resolved.diagnostics)) continue;
      for (const backend of node.backends) {
        await showProgress(context, `verifying ${backend} for ${node.name}`);
        const found = await node.check(resolved.ir, backend);
        // without --backend, one that cannot do it is left out; asked for by name it is an error, as in compile
        if (found.report !== null || options.backend !== undefined) addAll(diagnostics, found.diagnostics);
        checked.push({ node: node.name, backend, report: found.report });
      }
    }
    await showProgress(context, "");
  }
  return finish(context, checked, distinctDiagnostics(diagnostics));
}

/** Rules do not say what they are for, so a compiled folder proves nothing by itself. */
function assertSpecs(paths: readonly string[]): void {
  const folder = compiledFolderIn(paths);
  if (folder === null) return;
  const { path } = folder;
  throw new UsageError(
    `${path} is a compiled folder, which does not say what its rules should do: weir verify SPEC --compiled ${path} holds it against the spec`,
  );
}

async function subjectsOf(context: Context, spec: Spec, options: VerifyOptions): Promise<readonly Subject[]> {
  if (options.compiled !== undefined) {
    const wanted = options.backend === undefined ? null : backendsOf(options.backend);
    return compiledSubjects(context, spec, options.compiled, options, wanted);
  }
  const backends = backendsOf(options.backend);
  const nodes = chosenNodes(spec, options);
  if (nodes.length === 0) throw new UsageError("the spec declares no node: name one with --node NAME");
  return nodes.map((node) => ({ ...node, backends, check: verifyBackend }));
}

/** Lowers and prints for one backend, and verifies what the node will read. */
export async function verifyBackend(ir: NodeIr, name: BackendName): Promise<Found> {
  const backend = await loadBackend(name);
  const { program, diagnostics } = backend.lower(ir);
  if (hasErrors(diagnostics)) return { report: null, diagnostics };
  return { report: await verifyFiles(ir, name, backend.print(program)), diagnostics };
}

async function finish(
  context: Context,
  checked: readonly Checked[],
  diagnostics: readonly Diagnostic[],
): Promise<number> {
  const isSame = checked.every((each) => each.report === null || each.report.differing === 0);
  if (context.json) {
    const document = {
      results: checked.map(jsonResult),
      diagnostics: diagnostics.map(jsonDiagnostic),
      ...countDiagnostics(diagnostics),
    };
    await context.io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  } else {
    await report(context, diagnostics);
    for (const each of checked) await context.io.stdout.write(textOfChecked(each));
    if (isSame && checked.some((each) => each.report !== null) && !hasErrors(diagnostics)) {
      await remark(context, "every kind of packet fares as the spec says");
    }
  }
  return isSame && !hasErrors(diagnostics) ? exitCodes.ok : exitCodes.failed;
}

export function textOfChecked({ node, backend, report: found }: Checked): string {
  if (found === null) return `${visibleLines(node)} ${backend}: not verified, it cannot do what the spec says\n`;
  const { classes, differing, differences } = found;
  const result = differing === 0 ? "no difference" : `${differing} differ`;
  const lines = [`${node} ${backend}: ${counted(classes, "kind")} of packets, ${result}`];
  lines.push(...differences.map(describeDifference));
  if (differing > differences.length) lines.push(`and ${differing - differences.length} more`);
  return `${visibleLines(lines.join("\n"))}\n`;
}

function jsonResult({ node, backend, report: found }: Checked): unknown {
  if (found === null) return { node, backend, verified: false };
  const { classes, differing, differences } = found;
  return { node, backend, verified: true, classes, differing, differences: differences.map(jsonDifference) };
}
