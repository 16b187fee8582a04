import type { ArtifactFile, BackendName, NamedObject } from "../backends/backend.ts";
import { TextWriter } from "../backends/text.ts";
import type { IrService, NodeIr } from "../ir/ir.ts";
import { assert } from "../result.ts";
import { lineText, positionOf, type SourceFile } from "../source.ts";

/**
 * sources.json: where each service is declared, and which service port a chain, set or map of the rules belongs to
 * (null: it serves all). Without line numbers, so that one more line in a spec does not change every entry after it.
 * One entry is one line.
 */
export function sourcesFile(
  ir: NodeIr,
  names: ReadonlyMap<BackendName, readonly NamedObject[]>,
  pathInSpec: (file: SourceFile) => string,
): ArtifactFile {
  const text = new TextWriter();
  text.line("{");
  text.line('  "format": 1,');
  text.line('  "services": {');
  members(
    text,
    "    ",
    ir.services.map((service) => [service.name, sourceOf(service, pathInSpec)]),
  );
  text.line("  },");
  text.line('  "names": {');
  const backends = [...names].map(([backend, objects]) => [backend, distinct(objects)] as const);
  for (const [at, [backend, objects]] of backends.entries()) {
    text.line(`    ${JSON.stringify(backend)}: {`);
    members(
      text,
      "      ",
      objects.map((object) => [object.name, object.key]),
    );
    text.line(at === backends.length - 1 ? "    }" : "    },");
  }
  text.line("  }");
  text.line("}");
  return text.file("sources.json");
}

function members(text: TextWriter, indent: string, entries: readonly (readonly [string, unknown])[]): void {
  for (const [at, [key, value]] of entries.entries()) {
    const comma = at === entries.length - 1 ? "" : ",";
    text.line(`${indent}${JSON.stringify(key)}: ${JSON.stringify(value)}${comma}`);
  }
}

function sourceOf(service: IrService, pathInSpec: (file: SourceFile) => string): object {
  const { file, start, object } = service.origin;
  const declaration = object ?? lineText(file, positionOf(file, start).line).replace(/\{.*$/, "").trim();
  return { file: pathInSpec(file), declaration };
}

/** A chain of the same name in both families stands for the same. */
function distinct(objects: readonly NamedObject[]): readonly NamedObject[] {
  const byName = new Map<string, NamedObject>();
  for (const object of objects) {
    const known = byName.get(object.name);
    assert(known === undefined || known.key === object.key, `${object.name} names two things`);
    byName.set(object.name, object);
  }
  return [...byName.values()];
}
