import type { ArtifactFile, BackendName, NamedObject } from "../backends/backend.ts";
import { TextWriter } from "../backends/text.ts";
import type { IrService, NodeIr } from "../ir/ir.ts";
import { assert } from "../result.ts";
import { type Location, lineOf, lineText, type SourceFile } from "../source.ts";
import { type Json, writeJson } from "./json-lines.ts";

/**
 * sources.json: where each service is declared, and which service port a chain, set or map of the rules belongs to
 * (null: it serves all). Without line numbers, so that one more line in a spec does not change every entry after it.
 */
export function sourcesFile(
  ir: NodeIr,
  names: ReadonlyMap<BackendName, readonly NamedObject[]>,
  pathInSpec: (file: SourceFile) => string,
): ArtifactFile {
  const text = new TextWriter();
  const services = Object.fromEntries(ir.services.map((service) => [service.name, sourceOf(service, pathInSpec)]));
  const byBackend = Object.fromEntries([...names].map(([backend, objects]) => [backend, keysOf(objects)]));
  text.line("{");
  text.line('  "format": 1,');
  writeJson(text, services, 1, { indent: "  ", before: '"services": ', after: "," });
  writeJson(text, byBackend, 2, { indent: "  ", before: '"names": ', after: "" });
  text.line("}");
  return text.file("sources.json");
}

function sourceOf(service: IrService, pathInSpec: (file: SourceFile) => string): Json {
  const { file, object } = service.origin;
  return { file: pathInSpec(file), declaration: object ?? declarationAt(service.origin) };
}

/** The line without its brace. Places in objects are found by reading the file again, so they are not asked for. */
function declarationAt({ file, start }: Location): string {
  return lineText(file, lineOf(file, start)).replace(/\{.*$/, "").trim();
}

/** A chain of the same name in both families stands for the same. */
function keysOf(objects: readonly NamedObject[]): Json {
  const keys: Record<string, string | null> = {};
  for (const { name, key } of objects) {
    assert(!Object.hasOwn(keys, name) || keys[name] === key, `${name} names two things`);
    keys[name] = key;
  }
  return keys;
}
