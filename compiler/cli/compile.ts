import { assembleArtifact, type EncodedFile } from "../artifact/artifact.ts";
import { type Digest, digestOfSpec } from "../artifact/digest.ts";
import type { BackendName } from "../backends/backend.ts";
import { addAll, type Diagnostic, hasErrors } from "../diagnostics/diagnostic.ts";
import { countDiagnostics, jsonDiagnostic } from "../diagnostics/render-json.ts";
import { irOf } from "../pipeline.ts";
import { ArtifactFolder } from "./artifact-folder.ts";
import { backendsOf } from "./backends.ts";
import { type Context, counted, distinctDiagnostics, remark, report, warningsAsErrors } from "./context.ts";
import { exitCodes, UsageError } from "./exit.ts";
import { type LoadedSpec, loadSpec } from "./load.ts";
import { assertNodeName, type ChosenNode, chosenNodes, type NodeOptions } from "./nodes.ts";
import { showProgress } from "./progress.ts";

export interface CompileOptions extends NodeOptions {
  readonly output: string;
  readonly backend?: readonly string[];
  readonly stdinName?: string;
  readonly W?: "error";
  readonly verify?: boolean;
}

/** A file that was made, for `--json`. */
interface MadeFile {
  readonly path: string;
  readonly bytes: number;
  readonly digest: Digest;
}

/** Where an artifact goes: a folder, or standard output as one text. */
interface Destination {
  write(node: string, file: EncodedFile): void;
  commit(): Promise<void>;
  discard(): void;
}

/** `weir compile`: the artifacts of the chosen nodes, all of them or none. */
export async function compile(context: Context, paths: readonly string[], options: CompileOptions): Promise<number> {
  if (options.node !== undefined && options.allNodes === true) {
    throw new UsageError("--node and --all-nodes exclude each other");
  }
  if (options.node === undefined && options.allNodes !== true) {
    throw new UsageError("name the node with --node NAME, or ask for all declared ones with --all-nodes");
  }
  if (options.output === "") throw new UsageError("-o needs the name of a folder, or - for standard output");
  if (options.output === "-" && context.json) throw new UsageError("--json needs a folder: -o - prints the files");
  const backends = backendsOf(options.backend);
  const loaded = await loadSpec(paths, options.stdinName ?? null, context.io);
  const adjust = options.W === "error" ? warningsAsErrors : (findings: readonly Diagnostic[]) => findings;
  if (hasErrors(adjust(loaded.diagnostics))) return finish(context, adjust(loaded.diagnostics), []);
  const nodes = chosenNodes(loaded.spec, options);
  if (nodes.length === 0) throw new UsageError("the spec declares no node: name one with --node NAME");
  for (const node of nodes) assertNodeName(node.name);

  const destination = destinationOf(context, options);
  const diagnostics: Diagnostic[] = [...loaded.diagnostics];
  const made: MadeFile[] = [];
  let differing: readonly string[] = [];
  try {
    const digest = digestOfSpec(loaded.spec);
    for (const [at, node] of nodes.entries()) {
      await showProgress(context, `compiling for ${node.name} (${at + 1} of ${nodes.length})`);
      const findings = await compileNode(loaded, node, backends, digest, (file) => {
        destination.write(node.name, file);
        made.push({ path: `${node.name}/${file.path}`, bytes: file.bytes, digest: file.digest });
      });
      addAll(diagnostics, adjust(findings));
      if (options.verify === true && !hasErrors(diagnostics)) {
        await showProgress(context, `verifying for ${node.name} (${at + 1} of ${nodes.length})`);
        differing = [...differing, ...(await differencesOf(loaded, node, backends))];
      }
    }
    await showProgress(context, "");
    if (hasErrors(diagnostics) || differing.length > 0) destination.discard();
    else await destination.commit();
  } catch (error) {
    destination.discard();
    throw error;
  }
  if (differing.length > 0) {
    await context.io.stderr.write(differing.join(""));
    await finish(context, diagnostics, []);
    return exitCodes.failed;
  }
  const code = await finish(context, diagnostics, made);
  if (code === exitCodes.ok && options.output !== "-") {
    await remark(context, `wrote ${options.output} for ${counted(nodes.length, "node")}: ${backends.join(", ")}`);
  }
  return code;
}

/** Backends whose rules do not do what the spec says, each with packets; nothing is written then. */
async function differencesOf(
  loaded: LoadedSpec,
  node: ChosenNode,
  backends: readonly BackendName[],
): Promise<readonly string[]> {
  const { textOfChecked, verifyBackend } = await import("./verify.ts");
  const { ir } = irOf(loaded.spec, node.name, node.overrides);
  const texts: string[] = [];
  for (const backend of backends) {
    const { report: found } = await verifyBackend(ir, backend);
    if (found !== null && found.differing > 0) texts.push(textOfChecked({ node: node.name, backend, report: found }));
  }
  return texts;
}

async function compileNode(
  loaded: LoadedSpec,
  node: ChosenNode,
  backends: readonly BackendName[],
  specDigest: Digest,
  put: (file: EncodedFile) => void,
): Promise<readonly Diagnostic[]> {
  const resolved = irOf(loaded.spec, node.name, node.overrides);
  if (hasErrors(resolved.diagnostics)) return resolved.diagnostics;
  const options = { backends, specDigest, pathInSpec: loaded.pathInSpec };
  return [...resolved.diagnostics, ...(await assembleArtifact(resolved.ir, options, put))];
}

function destinationOf(context: Context, options: CompileOptions): Destination {
  if (options.output === "-") return standardOutput(context);
  const folder = ArtifactFolder.open(options.output);
  return {
    write: (node, file) => folder.write(node, file),
    commit: async () => folder.commit(options.allNodes === true),
    discard: () => folder.discard(),
  };
}

/** Every file after a line with its path, as head(1) and tail(1) print several files; nothing unless all is well. */
function standardOutput(context: Context): Destination {
  const texts: (string | Uint8Array)[] = [];
  return {
    write: (node, file) => {
      texts.push(`${texts.length === 0 ? "" : "\n"}==> ${node}/${file.path} <==\n`, ...file.chunks);
    },
    commit: async () => {
      for (const text of texts) await context.io.stdout.write(text);
    },
    discard: () => {},
  };
}

async function finish(
  context: Context,
  diagnostics: readonly Diagnostic[],
  made: readonly MadeFile[],
): Promise<number> {
  const findings = distinctDiagnostics(diagnostics);
  const failed = hasErrors(findings);
  if (context.json) {
    const document = {
      files: failed ? [] : made,
      diagnostics: findings.map(jsonDiagnostic),
      ...countDiagnostics(findings),
    };
    await context.io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  } else {
    await report(context, findings);
  }
  return failed ? exitCodes.failed : exitCodes.ok;
}
