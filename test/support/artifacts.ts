import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { artifactOf } from "../../compiler/artifact/artifact.ts";
import { digestOfSpec } from "../../compiler/artifact/digest.ts";
import type { BackendName } from "../../compiler/backends/backend.ts";
import { backendNames } from "../../compiler/backends/registry.ts";
import { textOf } from "../../compiler/backends/text.ts";
import { type Diagnostic, hasErrors, sortDiagnostics } from "../../compiler/diagnostics/diagnostic.ts";
import { plainPaint, renderText } from "../../compiler/diagnostics/render-text.ts";
import { compileBackend, irOf } from "../../compiler/pipeline.ts";
import type { SourceFile } from "../../compiler/source.ts";
import type { Spec } from "../../compiler/spec/schema.ts";

/** Texts by path, `/` between parts. */
export type Texts = ReadonlyMap<string, string>;

export function render(diagnostics: readonly Diagnostic[]): string {
  return renderText(sortDiagnostics(diagnostics), plainPaint);
}

/**
 * Everything that compiling for one node makes: the artifact of all backends that can serve the spec, paths as in the
 * node's folder; what a backend has to say as `BACKEND.diagnostics.txt`, what resolving has as `diagnostics.txt`.
 */
export async function nodeTexts(spec: Spec, node: string, pathInSpec: (file: SourceFile) => string): Promise<Texts> {
  const texts = new Map<string, string>();
  const { ir, diagnostics } = irOf(spec, node);
  if (diagnostics.length > 0) texts.set("diagnostics.txt", render(diagnostics));
  const able: BackendName[] = [];
  for (const backend of backendNames) {
    const { diagnostics: findings } = await compileBackend(ir, backend);
    if (findings.length > 0) texts.set(`${backend}.diagnostics.txt`, render(findings));
    if (!hasErrors(findings)) able.push(backend);
  }
  const { files } = await artifactOf(ir, { backends: able, specDigest: digestOfSpec(spec), pathInSpec });
  for (const file of files) texts.set(file.path, textOf(file));
  return inOrder(texts);
}

/** Without what the compiler has to say of the spec, which names the first of several places. */
export function withoutFindings(texts: Texts): Texts {
  return new Map([...texts].filter(([path]) => !path.endsWith("diagnostics.txt")));
}

export function inOrder(texts: Texts): Texts {
  return new Map([...texts].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** All files below a folder; none when it is not there. */
export function readTexts(folder: string): Texts {
  if (!existsSync(folder)) return new Map();
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = paths.filter((path) => statSync(join(folder, path)).isFile());
  return inOrder(new Map(files.map((path) => [path, readFileSync(join(folder, path), "utf8")])));
}

/** Replaces a folder's content. */
export function writeTexts(folder: string, texts: Texts): void {
  rmSync(folder, { recursive: true, force: true });
  for (const [path, text] of texts) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** Set by `npm run golden`: stored texts are replaced instead of compared. */
export const isRewriting = process.env.WEIR_GOLDEN === "write";
