import type { z } from "zod";
import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import type { Location, SourceFile } from "../source.ts";
import { readDocuments } from "./documents.ts";
import { isForeign } from "./foreign.ts";
import type { Locate, Path } from "./places.ts";
import { isRecord, valueAt } from "./records.ts";
import { type Report, reportInvalid } from "./report.ts";

/** One object as it stands in a file; nothing but its kind is known to be right. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  /** `Service shop/web`, for findings; `Service` when the object has no usable name. */
  readonly title: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** The place of a field; paths begin at the object. */
  readonly at: (path: Path) => Location;
}

export interface ReadObjects {
  readonly objects: readonly KubernetesObject[];
  readonly diagnostics: readonly Diagnostic[];
  /** The file is of another kind: nothing in it is an object, or was meant to be one. */
  readonly isForeign: boolean;
}

/** Longest part of a name that findings show: no valid one is longer. */
const longestShown = 320;

/** Findings about what is no object; a file that is something else altogether would have one for each line. */
const mostRefused = 1000;

/** Every object of a file: each document, and the items of lists, also of typed ones (`ServiceList`). */
export function readObjects(file: SourceFile): ReadObjects {
  const { documents, diagnostics } = readDocuments(file);
  const objects: KubernetesObject[] = [];
  const findings: Diagnostic[] = [...diagnostics];
  const refuse = ({ what, path }: Fault, locate: Locate): void => {
    findings.push(diagnostic("kubernetes/not-an-object", { what }, { at: locate(path) }));
  };
  for (const document of documents) {
    if (document.value === null) continue;
    const list = listOf(document.value);
    for (const [index, item] of (list?.items ?? [document.value]).entries()) {
      const locate = list === null ? document.locate : document.locateElement(list.path, index);
      const read = objectOf(item, locate, list?.defaults ?? {});
      if (!("what" in read)) objects.push(read);
      else if (findings.length < mostRefused) refuse(read, locate);
    }
  }
  const values = documents.map(({ value }) => value);
  return { objects, diagnostics: findings, isForeign: isForeign(file.text, values, diagnostics.length > 0) };
}

interface Fault {
  readonly what: string;
  readonly path: Path;
}

interface List {
  readonly items: readonly unknown[];
  readonly path: Path;
  /** What the items are when they do not say it themselves, as those of typed lists. */
  readonly defaults: { readonly apiVersion?: string; readonly kind?: string };
}

/** A document that is a list of objects; null for one that is an object, or nothing known. */
function listOf(value: unknown): List | null {
  if (Array.isArray(value)) return { items: value, path: [], defaults: {} };
  if (!isRecord(value) || typeof value.kind !== "string" || !value.kind.endsWith("List")) return null;
  const items = value.items === null ? [] : value.items;
  if (!Array.isArray(items)) return null;
  const kind = value.kind.slice(0, -"List".length);
  const { apiVersion } = value;
  const defaults = kind !== "" && typeof apiVersion === "string" ? { apiVersion, kind } : {};
  return { items, path: ["items"], defaults };
}

function objectOf(value: unknown, locate: Locate, defaults: List["defaults"]): KubernetesObject | Fault {
  if (!isRecord(value)) return { what: "it is no mapping", path: [] };
  const kind = value.kind ?? defaults.kind;
  const apiVersion = value.apiVersion ?? defaults.apiVersion;
  if (typeof kind !== "string" || kind === "") return { what: "it has no kind", path: ["kind"] };
  if (typeof apiVersion !== "string" || apiVersion === "")
    return { what: "it has no apiVersion", path: ["apiVersion"] };
  if (kind === "List") return { what: "it is a list inside a list, or one without items", path: ["kind"] };
  const title = titleOf(kind, value);
  return { apiVersion, kind, title, value, at: (path) => locate(path, title) };
}

/** Kinds whose objects are in namespace `default` when they name none. */
const namespaced: ReadonlySet<string> = new Set(["Service", "EndpointSlice"]);

function titleOf(kind: string, value: Readonly<Record<string, unknown>>): string {
  const name = valueAt(value, ["metadata", "name"]);
  if (typeof name !== "string") return plainText(kind);
  const given = valueAt(value, ["metadata", "namespace"]);
  const namespace = typeof given === "string" ? given : namespaced.has(kind) ? "default" : null;
  return `${plainText(kind)} ${plainText(`${namespace === null ? "" : `${namespace}/`}${name}`)}`;
}

/** Text of an object as findings show it before it has been checked: one short line of visible characters. */
export function plainText(text: string): string {
  return text.slice(0, longestShown).replace(/[^A-Za-z0-9_./:-]/g, "?");
}

/**
 * The object as its schema has it, with every deviation reported at its place. After a report the object comes without
 * its wrong parts, so that the rest of it is checked too; null when it has no shape without them.
 */
export function shaped<T>(to: Report, schema: z.ZodType<T>): T | null {
  const result = schema.safeParse(to.object.value);
  if (result.success) return result.data;
  const copies = new Set<unknown>();
  let rest: unknown = to.object.value;
  for (const issue of result.error.issues) {
    const path = issue.path.map((key) => (typeof key === "number" ? key : String(key)));
    reportInvalid(to, path, valueAt(to.object.value, path), issue.message);
    rest = replaceAt(rest, path, path.at(-1) === "port" ? 1 : null, copies);
  }
  return schema.safeParse(rest).data ?? null;
}

/**
 * The value with another one at the path; most wrong fields may be null instead, a port may not, and which it is no
 * longer matters. Copies what is on the path and nothing else, each once: objects of strangers may nest deeper than a
 * whole copy could, and be wrong in a hundred thousand places.
 */
function replaceAt(root: unknown, path: Path, value: unknown, copies: Set<unknown>): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (Array.isArray(root) && typeof key === "number") {
    const copy: unknown[] = copies.has(root) ? root : [...root];
    copies.add(copy);
    copy[key] = replaceAt(copy[key], rest, value, copies);
    return copy;
  }
  if (!isRecord(root)) return root;
  const own: unknown = Object.hasOwn(root, key) ? root[key] : undefined;
  if (own === undefined && rest.length > 0) return root;
  const copy = copies.has(root) ? root : { ...root };
  copies.add(copy);
  const replaced = replaceAt(own, rest, value, copies);
  return Object.defineProperty(copy, key, { value: replaced, enumerable: true, configurable: true, writable: true });
}
