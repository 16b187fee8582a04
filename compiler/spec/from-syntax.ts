import type { Declaration, FileNode } from "../../grammar/nodes.ts";
import { type Diagnostic, hasErrors, sortDiagnostics } from "../diagnostics/diagnostic.ts";
import { unreachable } from "../result.ts";
import type { SourceFile } from "../source.ts";
import { limited, mostErrors, parseSyntax, type SyntaxCache } from "../syntax/parse.ts";
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

/** What a syntax tree declares. Values are checked one by one here; how they go together is for check.ts. */
export function fragmentFromSyntax(tree: FileNode, file: SourceFile): ReadFragment {
  const diagnostics: Diagnostic[] = [];
  const lists = readLists(tree, file, diagnostics);
  const declared: Declared = { settings: [], nodes: [], services: [], expects: [], includes: [] };
  for (const { start, lines } of tree.chunks) {
    const scope: Scope = { file, start, lists, diagnostics };
    for (const { statement } of lines) if (statement !== null) readDeclaration(scope, statement, declared);
  }
  reportUnusedLists({ file, start: 0, lists, diagnostics });
  return { fragment: { ...declared, endpointGroups: [] }, diagnostics: limited(sortDiagnostics(diagnostics)) };
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

/**
 * Reads a .weir text: all findings of syntax and values, in the order of the text, up to the limit of parse.ts.
 * `cache` keeps parts by their text, for a file that is read again after a change.
 */
export function fragmentFromText(file: SourceFile, cache?: SyntaxCache): ReadFragment {
  const { tree, diagnostics } = parseSyntax(file, cache);
  const read = fragmentFromSyntax(tree, file);
  if (diagnostics.length > mostErrors) return { fragment: read.fragment, diagnostics };
  const isWhole = !hasErrors(diagnostics);
  const values = read.diagnostics.filter((finding) => isWhole || !consequences.has(finding.code));
  const all = sortDiagnostics([...diagnostics, ...values]);
  return { fragment: read.fragment, diagnostics: limited(all) };
}
