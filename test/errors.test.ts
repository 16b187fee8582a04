import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { backendNames } from "../compiler/backends/registry.ts";
import { codes, isDiagnosticCode } from "../compiler/diagnostics/codes.ts";
import { type Diagnostic, hasErrors } from "../compiler/diagnostics/diagnostic.ts";
import { objectsFromSpec } from "../compiler/kubernetes/from-spec.ts";
import { compileBackend, irOf } from "../compiler/pipeline.ts";
import { isRewriting, render } from "./support/artifacts.ts";
import { underlinedFor } from "./support/error-places.ts";
import { fixturesFolder, loadFolder } from "./support/fixtures.ts";

const folder = join(fixturesFolder, "errors");
const names = readdirSync(folder).sort();

/** `spec-no-port` is the example of `spec/no-port`. */
function codeOf(name: string): string {
  return name.replace("-", "/");
}

/** Compiled for, though no declaration describes it, where that is the example. */
const undescribedNodes: Readonly<Record<string, string>> = { "spec-undescribed-node": "worker-9" };

/** Found when the spec is turned into Kubernetes objects. */
const converted: ReadonlySet<string> = new Set(["kubernetes-cannot-carry"]);

/** All findings of an example: in its inputs and, if they hold no error, for its nodes and in all backends. */
async function findingsOf(name: string): Promise<readonly Diagnostic[]> {
  const { spec, diagnostics } = await loadFolder(join(folder, name));
  if (hasErrors(diagnostics)) return diagnostics;
  if (converted.has(name)) return [...diagnostics, ...objectsFromSpec(spec).diagnostics];
  const undescribed = undescribedNodes[name];
  const nodes = undescribed === undefined ? spec.nodes.map((node) => node.name) : [undescribed];
  const findings = [...diagnostics];
  for (const node of nodes) {
    const { ir, diagnostics: resolving } = irOf(spec, node);
    findings.push(...resolving);
    for (const backend of backendNames) findings.push(...(await compileBackend(ir, backend)).diagnostics);
  }
  return findings;
}

function textAt({ location }: Diagnostic): string | null {
  return location === null ? null : location.file.text.slice(location.start, location.end);
}

it("has an example of every code, and of nothing else", () => {
  expect(names.map(codeOf).sort()).toEqual(Object.keys(codes).sort());
});

describe.each(names)("%s", (name) => {
  const code = codeOf(name);

  it("reports its code, with its severity, at its place", async () => {
    if (!isDiagnosticCode(code)) throw new Error(`there is no code ${code}`);
    const found = (await findingsOf(name)).filter((finding) => finding.code === code);
    expect(found.map((finding) => finding.severity)).toContain(codes[code].severity);
    expect(found.map(textAt)).toContain(underlinedFor(code));
  });

  it("is shown as stored", async () => {
    const path = join(folder, name, "expected.txt");
    const shown = render(await findingsOf(name));
    if (isRewriting) writeFileSync(path, shown);
    expect(shown).toBe(existsSync(path) ? readFileSync(path, "utf8") : "nothing is stored");
  });
});
