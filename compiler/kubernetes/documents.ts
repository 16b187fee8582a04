import { addAll, type Diagnostic } from "../diagnostics/diagnostic.ts";
import type { SourceFile } from "../source.ts";
import {
  jsonDocument,
  jsonStream,
  mostDocuments,
  type RawDocument,
  type RawDocuments,
  tooManyDocuments,
} from "./json-documents.ts";
import { skipSpace } from "./json-scan.ts";
import type { Range } from "./places.ts";
import { yamlDocuments } from "./yaml-documents.ts";
import { splitDocuments } from "./yaml-split.ts";

/**
 * The documents of a YAML or JSON file. JSON is tried first wherever the text looks like it, whatever the file is called:
 * `JSON.parse` is some sixty times faster than a YAML parser.
 */
export function readDocuments(file: SourceFile): RawDocuments {
  const whole = { start: file.text.startsWith("\ufeff") ? 1 : 0, end: file.text.length };
  if (looksLikeJson(file.text, whole)) {
    const document = jsonDocument(file, whole);
    if (document !== null) return { documents: [document], diagnostics: [] };
  }
  const documents: RawDocument[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const part of splitDocuments(file)) {
    if (documents.length >= mostDocuments) {
      diagnostics.push(tooManyDocuments(file, part.start));
      break;
    }
    const read = readPart(file, part);
    for (const document of read.documents) documents.push(document);
    addAll(diagnostics, read.diagnostics);
  }
  return { documents, diagnostics };
}

function readPart(file: SourceFile, part: Range): RawDocuments {
  const body = afterMarker(file.text, part);
  if (!looksLikeJson(file.text, body)) return yamlDocuments(file, part);
  const document = jsonDocument(file, body);
  if (document !== null) return { documents: [document], diagnostics: [] };
  const stream = jsonStream(file, body);
  if (stream.diagnostics.length === 0 || file.path.endsWith(".json")) return stream;
  // YAML's flow style also begins with a bracket; if it is not that either, the finding about JSON is the better one.
  const yaml = yamlDocuments(file, part);
  return yaml.diagnostics.length === 0 ? yaml : stream;
}

function looksLikeJson(text: string, part: Range): boolean {
  const first = text[skipSpace(text, part.start)];
  return first === "{" || first === "[";
}

/** The part without a `---` before its content. */
function afterMarker(text: string, part: Range): Range {
  return text.startsWith("---", part.start) ? { start: part.start + 3, end: part.end } : part;
}
