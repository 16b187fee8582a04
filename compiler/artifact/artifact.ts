import type { ArtifactFile, BackendName, NamedObject, Requirement } from "../backends/backend.ts";
import { TextWriter } from "../backends/text.ts";
import { addAll, type Diagnostic, hasErrors } from "../diagnostics/diagnostic.ts";
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

/** A file as it is written, and what the manifest says of it. The manifest itself is not in any manifest. */
export interface EncodedFile {
  /** Relative to the node's folder. */
  readonly path: string;
  readonly chunks: readonly Uint8Array[];
  readonly bytes: number;
  readonly digest: Digest;
}

/** Encodes a text piece by piece, once for its size, its digest and the disk. */
function encode(file: ArtifactFile): EncodedFile {
  const chunks = file.chunks.map((chunk) => encoded(chunk));
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return { path: file.path, chunks, bytes, digest: digestOf(chunks) };
}

/**
 * Makes one node's artifact and hands out its files one by one, paths relative to the node's folder, manifest.json last,
 * so that only one backend's text is held at a time. After an error nothing more is handed out:
 * the caller drops what it has, because an artifact without one of its backends would be taken for whole.
 */
export async function assembleArtifact(
  ir: NodeIr,
  options: ArtifactOptions,
  put: (file: EncodedFile) => void,
): Promise<readonly Diagnostic[]> {
  const diagnostics: Diagnostic[] = [];
  const files: Record<string, Manifest["files"][string]> = {};
  const requirements: Partial<Record<BackendName, readonly Requirement[]>> = {};
  const names = new Map<BackendName, readonly NamedObject[]>();
  const add = (file: ArtifactFile): void => {
    assert(!Object.hasOwn(files, file.path), `${file.path} is written twice`);
    const encoded = encode(file);
    files[file.path] = { bytes: encoded.bytes, digest: encoded.digest };
    put(encoded);
  };
  for (const backend of options.backends) {
    const part = await compileBackend(ir, backend);
    addAll(diagnostics, part.diagnostics);
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
    addresses: ir.node.addresses.map(({ text }) => text),
    spec: options.specDigest,
    requirements,
    files,
  };
  put(encode(manifestFile(manifest)));
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
  text.line(`  "addresses": [${manifest.addresses.map((address) => JSON.stringify(address)).join(", ")}],`);
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
  const decoder = new TextDecoder();
  const diagnostics = await assembleArtifact(ir, options, ({ path, chunks }) =>
    files.push({ path, chunks: chunks.map((chunk) => decoder.decode(chunk)) }),
  );
  return { files: hasErrors(diagnostics) ? [] : files, diagnostics };
}

/** As UTF-8. Nearly all text is ASCII, for which the one-byte encoding is the same and several times quicker. */
function encoded(text: string): Buffer {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is that of ASCII
  return Buffer.from(text, /^[\x00-\x7f]*$/.test(text) ? "latin1" : "utf8");
}
