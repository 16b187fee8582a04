import type { ArtifactFile, BackendName, NamedObject, Requirement } from "../backends/backend.ts";
import { TextWriter } from "../backends/text.ts";
import { type Diagnostic, hasErrors } from "../diagnostics/diagnostic.ts";
import type { NodeIr } from "../ir/ir.ts";
import { compileBackend } from "../pipeline.ts";
import { assert } from "../result.ts";
import type { SourceFile } from "../source.ts";
import { type Digest, digestOf } from "./digest.ts";
import { writeJson } from "./json-lines.ts";
import type { Manifest } from "./manifest.ts";
import { sourcesFile } from "./sources.ts";

export interface ArtifactOptions {
  readonly backends: readonly BackendName[];
  /** digestOfSpec of the spec that `ir` was resolved from. */
  readonly specDigest: Digest;
  /** How sources.json names the spec's files. */
  readonly pathInSpec: (file: SourceFile) => string;
}

/**
 * Makes one node's artifact and hands out its files one by one, paths relative to the node's folder, manifest.json last,
 * so that only one backend's text is held at a time. After an error nothing more is handed out:
 * the caller drops what it has, because an artifact without one of its backends would be taken for whole.
 */
export async function assembleArtifact(
  ir: NodeIr,
  options: ArtifactOptions,
  put: (file: ArtifactFile) => void,
): Promise<readonly Diagnostic[]> {
  const diagnostics: Diagnostic[] = [];
  const files: Record<string, Manifest["files"][string]> = {};
  const requirements: Partial<Record<BackendName, readonly Requirement[]>> = {};
  const names = new Map<BackendName, readonly NamedObject[]>();
  const add = (file: ArtifactFile): void => {
    assert(!Object.hasOwn(files, file.path), `${file.path} is written twice`);
    const bytes = file.chunks.reduce((sum, chunk) => sum + Buffer.byteLength(chunk, "utf8"), 0);
    files[file.path] = { bytes, digest: digestOf(file.chunks) };
    put(file);
  };
  for (const backend of options.backends) {
    const part = await compileBackend(ir, backend);
    diagnostics.push(...part.diagnostics);
    if (hasErrors(diagnostics)) continue;
    for (const file of part.files) add(file);
    requirements[backend] = part.requirements;
    names.set(backend, part.names);
  }
  if (hasErrors(diagnostics)) return diagnostics;
  add(sourcesFile(ir, names, options.pathInSpec));
  const manifest: Manifest = {
    format: 1,
    node: ir.node.name,
    spec: options.specDigest,
    requirements,
    files,
  };
  put(manifestFile(manifest));
  return diagnostics;
}

/** One line for each requirement and file. */
function manifestFile(manifest: Manifest): ArtifactFile {
  const text = new TextWriter();
  const requirements = Object.fromEntries(
    Object.entries(manifest.requirements).map(([backend, list]) => [backend, list.map((each) => ({ ...each }))]),
  );
  text.line("{");
  text.line(`  "format": ${manifest.format},`);
  text.line(`  "node": ${JSON.stringify(manifest.node)},`);
  text.line(`  "spec": ${JSON.stringify(manifest.spec)},`);
  writeJson(text, requirements, 2, { indent: "  ", before: '"requirements": ', after: "," });
  writeJson(text, manifest.files, 1, { indent: "  ", before: '"files": ', after: "" });
  text.line("}");
  return text.file("manifest.json");
}

/** All files of one node's artifact at once; none when there are errors. For small specs and tests. */
export async function artifactOf(
  ir: NodeIr,
  options: ArtifactOptions,
): Promise<{ readonly files: readonly ArtifactFile[]; readonly diagnostics: readonly Diagnostic[] }> {
  const files: ArtifactFile[] = [];
  const diagnostics = await assembleArtifact(ir, options, (file) => files.push(file));
  return { files: hasErrors(diagnostics) ? [] : files, diagnostics };
}
