import type { Chunk, FileNode, Span } from "../../grammar/nodes.ts";
import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import type { SourceFile } from "../source.ts";
import { type ParsedChunk, parseChunk } from "./chunk.ts";
import { mostErrors } from "./finding.ts";
import { splitDeclarations } from "./split.ts";

/** Chunks by their text: a changed file needs parsing only where it changed. Holds chunks without errors. */
export type SyntaxCache = Map<string, ParsedChunk>;

export interface ParsedSyntax {
  /** Declarations and statements that do not parse are left out of it: with errors it must not be formatted. */
  readonly tree: FileNode;
  readonly diagnostics: readonly Diagnostic[];
}

/** The first `mostErrors` findings, and a note if there were more. */
export function limited(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const [more] = diagnostics.slice(mostErrors);
  if (more === undefined) return diagnostics;
  const note = diagnostic("syntax/too-many-errors", { limit: mostErrors }, { at: more.location });
  return [...diagnostics.slice(0, mostErrors), note];
}

function parsePart(text: string, cache: SyntaxCache | undefined): ParsedChunk {
  const known = cache?.get(text);
  if (known !== undefined) return known;
  const parsed = parseChunk(text);
  if (cache !== undefined && parsed.findings.length === 0) cache.set(text, parsed);
  return parsed;
}

/** The chunk of one part of a file; its findings are added to `diagnostics`. */
export function parseFilePart(file: SourceFile, part: Span, diagnostics: Diagnostic[], cache?: SyntaxCache): Chunk {
  const { lines, findings } = parsePart(file.text.slice(part.start, part.end), cache);
  const locate = ({ start, end }: Span) => ({ file, start: part.start + start, end: part.start + end });
  for (const found of findings) diagnostics.push(found.report(locate));
  return { kind: "chunk", start: part.start, lines };
}

/**
 * Parses a .weir file. All errors are reported at once, in the order of the text, up to `mostErrors`.
 * With a cache, parts whose text is in it are not parsed again, and new parts are added to it.
 */
export function parseSyntax(file: SourceFile, cache?: SyntaxCache): ParsedSyntax {
  const chunks: Chunk[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const part of splitDeclarations(file.text)) {
    if (diagnostics.length > mostErrors) break;
    chunks.push(parseFilePart(file, part, diagnostics, cache));
  }
  return { tree: { kind: "file", chunks }, diagnostics: limited(diagnostics) };
}
