import { addAll, type Diagnostic, hasErrors } from "../diagnostics/diagnostic.ts";
import { type DiagnosticFormat, renderDiagnostics } from "../diagnostics/render.ts";
import { countDiagnostics } from "../diagnostics/render-json.ts";
import { compileBackend, irOf } from "../pipeline.ts";
import { backendsOf } from "./backends.ts";
import { type Context, counted, distinctDiagnostics, remark, report, warningsAsErrors } from "./context.ts";
import { exitCodes, UsageError } from "./exit.ts";
import { type LoadedSpec, loadSpec } from "./load.ts";
import { type ChosenNode, chosenNodes, type NodeOptions } from "./nodes.ts";

export interface CheckOptions extends NodeOptions {
  readonly format?: DiagnosticFormat;
  readonly backend?: readonly string[];
  readonly stdinName?: string;
  readonly W?: "error";
}

/**
 * `weir check`: parses, resolves for every declared node (or those of `--node`) and validates. What a backend cannot do
 * is only asked of the backends of `--backend`: a spec for IPVS alone is a good spec.
 */
export async function check(context: Context, paths: readonly string[], options: CheckOptions): Promise<number> {
  const format = formatOf(context, options);
  const backends = options.backend === undefined ? [] : backendsOf(options.backend);
  const loaded = await loadSpec(paths, options.stdinName ?? null, context.io);
  const diagnostics: Diagnostic[] = [...loaded.diagnostics];
  if (!hasErrors(diagnostics)) {
    for (const node of nodesToCheck(loaded, options)) {
      const resolved = irOf(loaded.spec, node.name, node.overrides);
      addAll(
        diagnostics,
        resolved.diagnostics.filter((finding) => !isPlaceholder(node, finding)),
      );
      if (hasErrors(resolved.diagnostics)) continue;
      for (const backend of backends) addAll(diagnostics, (await compileBackend(resolved.ir, backend)).diagnostics);
    }
  }
  const distinct = distinctDiagnostics(diagnostics);
  const findings = options.W === "error" ? warningsAsErrors(distinct) : distinct;
  if (format === "text") await report(context, findings);
  else await context.io.stdout.write(renderDiagnostics(findings, format));
  if (format === "text") await remark(context, summary(loaded, findings));
  return hasErrors(findings) ? exitCodes.failed : exitCodes.ok;
}

function formatOf(context: Context, options: CheckOptions): DiagnosticFormat {
  if (!context.json) return options.format ?? "text";
  if (options.format !== undefined && options.format !== "json") {
    throw new UsageError(`--json and --format ${options.format} exclude each other`);
  }
  return "json";
}

/** A spec without nodes is resolved for one of no name, because most of what can be wrong does not depend on the node. */
const placeholder: ChosenNode = { name: "node", overrides: {} };

function nodesToCheck(loaded: LoadedSpec, options: CheckOptions): readonly ChosenNode[] {
  const nodes = chosenNodes(loaded.spec, options);
  return nodes.length === 0 ? [placeholder] : nodes;
}

/** What is wrong with the placeholder is that it is one. */
function isPlaceholder(node: ChosenNode, finding: Diagnostic): boolean {
  return (
    node === placeholder &&
    (finding.code === "spec/undescribed-node" || finding.code === "spec/primary-without-address")
  );
}

function summary(loaded: LoadedSpec, findings: readonly Diagnostic[]): string {
  const { errors, warnings } = countDiagnostics(findings);
  const result =
    errors + warnings === 0 ? "no findings" : `${counted(errors, "error")}, ${counted(warnings, "warning")}`;
  const { services, nodes } = loaded.spec;
  const read = `${counted(loaded.files.length, "file")}, ${counted(services.length, "service")}, ${counted(nodes.length, "node")}`;
  return `${read}: ${result}`;
}
