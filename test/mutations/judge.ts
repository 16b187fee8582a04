import { isDeepStrictEqual } from "node:util";
import type { ArtifactFile, BackendName } from "../../compiler/backends/backend.ts";
import { parseRuleset } from "../../compiler/backends/iptables/parse.ts";
import { printIptables } from "../../compiler/backends/iptables/print.ts";
import { parseOperations } from "../../compiler/backends/ipvs/parse-operations.ts";
import { printVirtualServers } from "../../compiler/backends/ipvs/print-servers.ts";
import { loadBackend } from "../../compiler/backends/registry.ts";
import { ParseError, textsOf } from "../../compiler/backends/text.ts";
import { hasErrors } from "../../compiler/diagnostics/diagnostic.ts";
import type { NodeIr } from "../../compiler/ir/ir.ts";
import type { Family } from "../../compiler/net/address.ts";
import { compileBackend, irOf } from "../../compiler/pipeline.ts";
import { verifyProgram } from "../../compiler/verify/verify.ts";
import { fixturesFolder, loadInputs } from "../support/fixtures.ts";
import { fixtureNodes } from "../support/kernel-fixtures.ts";

/** How a mutant was found: its file is refused, rules cannot be followed, or a packet fares otherwise. */
export type Finding = "refused" | "broken" | "differs" | "same program" | null;

export interface Judgement {
  readonly found: Finding;
  /** What the mutant was read as; null where it was refused. */
  readonly program: unknown;
}

/** What one backend prints for one fixture and node. */
export interface Subject {
  readonly fixture: string;
  readonly node: string;
  readonly backend: BackendName;
  readonly ir: NodeIr;
  readonly files: ReadonlyMap<string, string>;
  /** What the files are read as. */
  readonly program: unknown;
}

export async function subjectsOf(backend: BackendName, fixtures: RegExp): Promise<readonly Subject[]> {
  const subjects: Subject[] = [];
  const { parse } = await loadBackend(backend);
  for (const { name, node } of fixtureNodes().filter((each) => fixtures.test(each.name))) {
    const { spec } = await loadInputs(`${fixturesFolder}/${name}`);
    const { ir } = irOf(spec, node);
    const { files, diagnostics } = await compileBackend(ir, backend);
    if (hasErrors(diagnostics)) continue;
    const texts = textsOf(files);
    subjects.push({ fixture: name, node, backend, ir, files: texts, program: parse(texts) });
  }
  return subjects;
}

/** Reads a subject with one file changed, and holds it to the spec. */
export async function judge({ backend, ir, files, program }: Subject, path: string, text: string): Promise<Judgement> {
  const { parse, stranger } = await loadBackend(backend);
  let mutant: unknown;
  try {
    mutant = parse(withFile(files, path, text));
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return { found: "refused", program: null };
  }
  // a node applies no program that names what is not weir's
  if (stranger(mutant) !== null) return { found: "refused", program: null };
  // the order of declarations, of chains, of elements of a set
  if (isDeepStrictEqual(mutant, program)) return { found: "same program", program: mutant };
  const { differences } = await verifyProgram(ir, backend, mutant, { mostDifferences: 1, untilFirst: true });
  const [first] = differences;
  if (first === undefined) return { found: null, program: mutant };
  return { found: first.broken === null ? "differs" : "broken", program: mutant };
}

/**
 * The files with another text in one of them. Two files say in other words what a third one says, and are compared when
 * they are read; a slip of a lowering would be in both, so both are changed. A text that cannot be read is left alone.
 */
function withFile(files: ReadonlyMap<string, string>, path: string, text: string): ReadonlyMap<string, string> {
  const changed = new Map(files).set(path, text);
  try {
    for (const [name, copy] of copiesOf(changed, path)) changed.set(name, copy);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
  }
  return changed;
}

function copiesOf(files: ReadonlyMap<string, string>, path: string): ReadonlyMap<string, string> {
  const [folder = "", name = ""] = path.split("/");
  if (path === "ipvs/ipvs.json") {
    const { virtualServers, timeouts } = parseOperations(files.get(path) ?? "");
    return textsOf([renamed(printVirtualServers("", virtualServers, timeouts), "ipvs/ipvsadm.rules")]);
  }
  if (!/^ipv[46]\.rules$/.test(name)) return new Map();
  const read = (family: Family) => {
    const text = files.get(`${folder}/${family}.rules`);
    return text === undefined ? null : parseRuleset(family, text);
  };
  const printed = printIptables(folder, { ipv4: read("ipv4"), ipv6: read("ipv6") });
  return textsOf(printed.filter((file) => file.path === `${folder}/jumps.json`));
}

function renamed(file: ArtifactFile, path: string): ArtifactFile {
  return { ...file, path };
}
