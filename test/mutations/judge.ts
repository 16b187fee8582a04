import { isDeepStrictEqual } from "node:util";
import type { BackendName } from "../../compiler/backends/backend.ts";
import { loadBackend } from "../../compiler/backends/registry.ts";
import { textOf } from "../../compiler/backends/text.ts";
import { hasErrors } from "../../compiler/diagnostics/diagnostic.ts";
import type { NodeIr } from "../../compiler/ir/ir.ts";
import { compileBackend, irOf } from "../../compiler/pipeline.ts";
import { verifyProgram } from "../../compiler/verify/verify.ts";
import { fixturesFolder, loadInputs } from "../support/fixtures.ts";
import { fixtureNodes } from "../support/kernel-fixtures.ts";

/** How a mutant was found: its file is refused, rules cannot be followed, or a packet goes elsewhere. */
export type Finding = "refused" | "broken" | "differs" | "same program" | null;

/** What one backend prints for one fixture and node. */
export interface Subject {
  readonly fixture: string;
  readonly node: string;
  readonly backend: BackendName;
  readonly ir: NodeIr;
  readonly files: ReadonlyMap<string, string>;
}

export async function subjectsOf(backend: BackendName, fixtures: RegExp): Promise<readonly Subject[]> {
  const subjects: Subject[] = [];
  for (const { name, node } of fixtureNodes().filter((each) => fixtures.test(each.name))) {
    const { spec } = await loadInputs(`${fixturesFolder}/${name}`);
    const { ir } = irOf(spec, node);
    const { files, diagnostics } = await compileBackend(ir, backend);
    if (hasErrors(diagnostics)) continue;
    const texts = new Map(files.map((file) => [file.path, textOf(file)]));
    const subject: Subject = { fixture: name, node, backend, ir, files: texts };
    // where the artifact itself is not proved, nothing can be said of its mutants
    if (await isProved(subject)) subjects.push(subject);
  }
  return subjects;
}

export async function isProved({ backend, ir, files }: Subject): Promise<boolean> {
  const program = (await loadBackend(backend)).parse(files);
  return (await verifyProgram(ir, backend, program, { mostDifferences: 1 })).differing === 0;
}

/** Reads a subject with one file changed, and holds it to the spec. null: nothing was noticed. */
export async function judge({ backend, ir, files }: Subject, path: string, text: string): Promise<Finding> {
  let program: unknown;
  const { parse } = await loadBackend(backend);
  try {
    program = parse(new Map(files).set(path, text));
  } catch {
    return "refused";
  }
  // the order of declarations, of chains, of elements of a set
  if (isDeepStrictEqual(program, parse(files))) return "same program";
  try {
    const { differences } = await verifyProgram(ir, backend, program, { mostDifferences: 1 });
    const [first] = differences;
    if (first === undefined) return null;
    return first.broken === null ? "differs" : "broken";
  } catch {
    return "broken";
  }
}
