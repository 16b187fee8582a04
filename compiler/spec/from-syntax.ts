import type { Chunk, Declaration, Span } from "../../grammar/nodes.ts";
import { type Diagnostic, hasErrors, sortDiagnostics } from "../diagnostics/diagnostic.ts";
import { unreachable } from "../result.ts";
import type { SourceFile } from "../source.ts";
import { mostErrors } from "../syntax/finding.ts";
import { limited, parseFilePart, type SyntaxCache } from "../syntax/parse.ts";
import { splitDeclarations } from "../syntax/split.ts";
import type { ClusterSetting, IncludeRequest, SpecFragment } from "./fragment.ts";
import { readCluster, readNode } from "./from-syntax-cluster.ts";
import { readExpect } from "./from-syntax-expect.ts";
import { readLists, reportUnusedLists } from "./from-syntax-lists.ts";
import { locate, report, type Scope } from "./from-syntax-scope.ts";
import { readService } from "./from-syntax-service.ts";
import type { ExpectSpec, NodeSpec, ServiceSpec } from "./schema.ts";

export interface ReadFragment {
  readonly fragment: SpecFragment;
  readonly diagnostics: readonly Diagnostic[];
}

interface Declared {
  readonly settings: ClusterSetting[];
  readonly nodes: NodeSpec[];
  readonly services: ServiceSpec[];
  readonly expects: ExpectSpec[];
  readonly includes: IncludeRequest[];
}

function nothingDeclared(): Declared {
  return { settings: [], nodes: [], services: [], expects: [], includes: [] };
}

function readChunk(chunk: Chunk, scope: Scope, declared: Declared): void {
  for (const { statement } of chunk.lines) if (statement !== null) readDeclaration(scope, statement, declared);
}

function readDeclaration(scope: Scope, statement: Declaration, declared: Declared): void {
  switch (statement.kind) {
    case "let":
      return;
    case "include":
      declared.includes.push(...(readInclude(scope, statement) ?? []));
      return;
    case "cluster":
      declared.settings.push(...readCluster(scope, statement));
      return;
    case "node": {
      const node = readNode(scope, statement);
      if (node !== null) declared.nodes.push(node);
      return;
    }
    case "service": {
      const service = readService(scope, statement);
      if (service !== null) declared.services.push(service);
      return;
    }
    case "expect": {
      const expected = readExpect(scope, statement);
      if (expected !== null) declared.expects.push(expected);
      return;
    }
    default:
      unreachable(statement);
  }
}

function readInclude(scope: Scope, statement: Declaration & { kind: "include" }): readonly IncludeRequest[] | null {
  const { pattern } = statement;
  if (pattern.text.trim() !== "") return [{ pattern: pattern.text, origin: locate(scope, statement) }];
  return report(scope, pattern, "syntax/name", { what: "path", text: '""', reason: "is empty" });
}

/** Findings about what is missing, which is no news when a line that might hold it did not parse. */
const consequences: ReadonlySet<string> = new Set(["spec/unknown-port", "syntax/unknown-list", "syntax/unused-list"]);

/** Whether a part of a file may hold a `let`; lists are needed before everything else is read. */
const holdsList = /^[ \t]*let(?![A-Za-z0-9_.*/:-])/m;

/**
 * Reads a .weir text: all findings of syntax and values, in the order of the text, up to the limit of parse.ts.
 * Goes part by part and keeps no tree, so a large file needs little more memory than its fragment.
 * `cache` keeps parts by their text, for a file that is read again after a change.
 */
export function fragmentFromText(file: SourceFile, cache?: SyntaxCache): ReadFragment {
  const parts = splitDeclarations(file.text);
  const syntax: Diagnostic[] = [];
  const values: Diagnostic[] = [];
  const early = new Map<Span, Chunk>();
  for (const part of parts) {
    if (syntax.length > mostErrors) break;
    if (holdsList.test(file.text.slice(part.start, part.end)))
      early.set(part, parseFilePart(file, part, syntax, cache));
  }
  const scope = readLists([...early.values()], file, values);
  const declared = nothingDeclared();
  for (const part of parts) {
    if (syntax.length > mostErrors) break;
    const chunk = early.get(part) ?? parseFilePart(file, part, syntax, cache);
    readChunk(chunk, { ...scope, start: part.start }, declared);
  }
  reportUnusedLists(scope);
  const isWhole = !hasErrors(syntax);
  const shown = values.filter((finding) => isWhole || !consequences.has(finding.code));
  const diagnostics = limited(sortDiagnostics([...syntax, ...shown]));
  return { fragment: { ...declared, endpointGroups: [] }, diagnostics };
}
