import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import type { Location, SourceFile } from "../source.ts";
import { checkJson } from "./json-errors.ts";
import { elementStarts, isContainer, skipSpace, startInJson, valueRange } from "./json-scan.ts";
import { firstLineOf, type Locate, locationAt, type Path, type Range } from "./places.ts";

/** One document of a file, or one item of a list. */
export interface RawDocument {
  readonly value: unknown;
  readonly locate: Locate;
  /** Places below one element of a list in the document: paths begin at the element. */
  readonly locateElement: (list: Path, index: number) => Locate;
}

/** The value of a JSON text; `start` is the offset of its first character in the file. */
interface JsonRoot {
  readonly file: SourceFile;
  readonly start: number;
  /** Starts of the elements of the arrays that have been asked for, by path: one scan instead of one for each element. */
  readonly elements: Map<string, readonly number[]>;
}

/** Shared by all places below one element of a list; `path` leads to the list. */
interface JsonElement {
  readonly root: JsonRoot;
  readonly list: Path;
  readonly index: number;
}

/**
 * A place that is looked for when it is read, once. A class, because 160,000 of them are made and hardly one is read:
 * accessors of a prototype cost nothing for each.
 */
class JsonLocation implements Location {
  readonly file: SourceFile;
  readonly object: string | undefined;
  readonly #element: JsonElement;
  readonly #path: Path;
  #range: Range | null = null;

  constructor(element: JsonElement, path: Path, object: string | undefined) {
    this.file = element.root.file;
    this.object = object;
    this.#element = element;
    this.#path = path;
  }

  get start(): number {
    return this.#found().start;
  }

  get end(): number {
    return this.#found().end;
  }

  #found(): Range {
    this.#range ??= rangeInJson(this.#element, this.#path);
    return this.#range;
  }
}

function rangeInJson(element: JsonElement, path: Path): Range {
  const { text } = element.root.file;
  const start = startInJson(text, elementStart(element), path);
  const range = valueRange(text, start);
  return isContainer(text, start) ? firstLineOf(text, range) : range;
}

function elementStart({ root, list, index }: JsonElement): number {
  if (index < 0) return root.start;
  const key = list.join("/");
  let starts = root.elements.get(key);
  if (starts === undefined) {
    starts = elementStarts(root.file.text, startInJson(root.file.text, root.start, list));
    root.elements.set(key, starts);
  }
  return starts[index] ?? root.start;
}

function locateIn(element: JsonElement): Locate {
  return (path, object) => new JsonLocation(element, path, object);
}

function documentOf(file: SourceFile, start: number, value: unknown): RawDocument {
  const root: JsonRoot = { file, start, elements: new Map() };
  return {
    value,
    locate: locateIn({ root, list: [], index: -1 }),
    locateElement: (list, index) => locateIn({ root, list, index }),
  };
}

function parsed(text: string): { readonly value: unknown } | null {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
}

/** The part of the file as one JSON document; null when it is none. */
export function jsonDocument(file: SourceFile, part: Range): RawDocument | null {
  const text = part.start === 0 && part.end === file.text.length ? file.text : file.text.slice(part.start, part.end);
  const result = parsed(text);
  return result === null ? null : documentOf(file, skipSpace(file.text, part.start), result.value);
}

export interface RawDocuments {
  readonly documents: readonly RawDocument[];
  readonly diagnostics: readonly Diagnostic[];
}

/** More in one file are refused: no cluster has them, and each costs a parser's start. */
export const mostDocuments = 100_000;

/** `start` is where the first document of a file begins that is one too many. */
export function tooManyDocuments(file: SourceFile, start: number): Diagnostic {
  const at = locationAt(file, { start, end: start + 1 }, undefined);
  return diagnostic("kubernetes/limit", { what: `the file has more than ${mostDocuments} documents` }, { at });
}

/**
 * The part of the file as JSON values one after the other, as some tools write streams. Stops at the first error, and
 * with one after `mostDocuments`.
 */
export function jsonStream(file: SourceFile, part: Range): RawDocuments {
  const text = file.text.slice(part.start, part.end);
  const documents: RawDocument[] = [];
  const refused = (found: Diagnostic): RawDocuments => ({ documents, diagnostics: [found] });
  for (let at = skipSpace(text, 0); at < text.length; ) {
    if (documents.length >= mostDocuments) return refused(tooManyDocuments(file, part.start + at));
    const check = checkJson(text, at);
    if (!("end" in check)) {
      const start = part.start + check.offset;
      const place = locationAt(file, { start, end: Math.min(start + 1, part.end) }, undefined);
      return refused(diagnostic("kubernetes/invalid-json", { reason: check.reason }, { at: place }));
    }
    const value = parsed(text.slice(at, check.end));
    if (value !== null) documents.push(documentOf(file, part.start + at, value.value));
    at = skipSpace(text, check.end);
  }
  return { documents, diagnostics: [] };
}
