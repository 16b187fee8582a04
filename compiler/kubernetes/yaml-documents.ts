import { parseDocument } from "yaml";
import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import type { SourceFile } from "../source.ts";
import type { RawDocument, RawDocuments } from "./json-documents.ts";
import { locationAt, type Range } from "./places.ts";
import { deepestNesting, isTooDeep } from "./yaml-depth.ts";
import { splitList } from "./yaml-split.ts";
import { locateInYaml, yamlValue } from "./yaml-values.ts";

/**
 * Longest piece of YAML that is parsed at once, in characters. The parser takes 80 bytes of memory for each, 300 of a
 * text that is meant to hurt (one colon after the other); no object of Kubernetes is longer than 1.5 MiB.
 */
const longestYaml = 2 * 1024 * 1024;
/** Shorter documents are read whole: it is not worth cutting them. */
const worthSplitting = 32 * 1024;

/** One YAML document of a file; a long list gives a document for each item. */
export function yamlDocuments(file: SourceFile, part: Range): RawDocuments {
  const list = part.end - part.start > worthSplitting ? splitList(file.text, part) : null;
  if (list === null) return parsePiece(file, part, (value) => value);
  const documents: RawDocument[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const around of [list.before, list.after]) diagnostics.push(...parsePiece(file, around, () => null).diagnostics);
  for (const item of list.items) {
    const piece = parsePiece(file, item, (value) => (Array.isArray(value) ? value[0] : value), [0]);
    documents.push(...piece.documents);
    diagnostics.push(...piece.diagnostics);
  }
  return { documents, diagnostics };
}

function parsePiece(
  file: SourceFile,
  part: Range,
  unwrap: (value: unknown) => unknown,
  base: readonly number[] = [],
): RawDocuments {
  const refused = (what: string): RawDocuments => ({
    documents: [],
    diagnostics: [
      diagnostic(
        "kubernetes/limit",
        { what },
        { at: locationAt(file, { start: part.start, end: part.start + 1 }, undefined) },
      ),
    ],
  });
  if (part.end - part.start > longestYaml) {
    return refused(
      `this YAML document is longer than ${longestYaml} characters; give it as JSON, or as several documents`,
    );
  }
  const text = file.text.slice(part.start, part.end);
  if (isTooDeep(text)) return refused(`this YAML document nests deeper than ${deepestNesting}`);
  const document = parseDocument(text, {
    version: "1.2",
    schema: "core",
    merge: false,
    // Checked in yamlValue, where it does not take quadratic time.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  });
  // What is found at the end of the text, such as a bracket that is not closed, is shown at its last character.
  const last = Math.max(0, text.trimEnd().length - 1);
  const at = (start: number, end: number): Range => {
    const from = Math.min(start, last);
    return { start: part.start + from, end: part.start + Math.max(end, from + 1) };
  };
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    const diagnostics = faults.map((fault) =>
      diagnostic(
        "kubernetes/invalid-yaml",
        { reason: asPhrase(fault.message) },
        { at: locationAt(file, at(fault.pos[0], fault.pos[1]), undefined) },
      ),
    );
    // One mistake often makes several findings; what follows the first is seldom of use.
    return { documents: [], diagnostics: diagnostics.slice(0, 1) };
  }
  const { value, places, faults: refusals } = yamlValue(document);
  if (refusals.length > 0) {
    const diagnostics = refusals.map((fault) => {
      const place = { at: locationAt(file, at(fault.start, fault.end), undefined) };
      return fault.kind === "limit"
        ? diagnostic("kubernetes/limit", { what: fault.reason }, place)
        : diagnostic("kubernetes/invalid-yaml", { reason: fault.reason }, place);
    });
    return { documents: [], diagnostics };
  }
  const whole = locateInYaml(file, part.start, places);
  const locate: RawDocument["locate"] = base.length === 0 ? whole : (path, object) => whole([...base, ...path], object);
  const locateElement: RawDocument["locateElement"] = (list, index) => (path, object) =>
    locate([...list, index, ...path], object);
  return { documents: [{ value: unwrap(value), locate, locateElement }], diagnostics: [] };
}

/** Longest part of a parser's sentence that is shown: it may quote what it found, however long that is. */
const longestPhrase = 200;

/** The parser's sentences begin with a capital; ours go on after a colon. */
function asPhrase(message: string): string {
  const line = message.split("\n")[0] ?? "";
  const shown = line.length > longestPhrase ? `${line.slice(0, longestPhrase)}…` : line;
  return shown.slice(0, 1).toLowerCase() + shown.slice(1);
}
