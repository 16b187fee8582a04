import { createRequire } from "node:module";
import Ajv from "ajv-draft-04";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { type Diagnostic, diagnostic } from "../../../compiler/diagnostics/diagnostic.ts";
import { diagnosticFormats, renderDiagnostics } from "../../../compiler/diagnostics/render.ts";
import type { SourceFile } from "../../../compiler/source.ts";

const file: SourceFile = { path: "specs/a, b:c%.weir", text: "# é\u{1f600}\nvip 10.0.0.1\nvip 10.0.0.2\n" };
const place = { file, start: file.text.indexOf("10.0.0.1"), end: file.text.indexOf("10.0.0.1") + 8 };

const findings: readonly Diagnostic[] = [
  diagnostic(
    "spec/vip-port-taken",
    { address: "10.0.0.1", port: 80, protocol: "tcp", owner: "a/b" },
    {
      at: { ...place, object: "Service a/b" },
      notes: [{ message: "first used here", location: { file, start: file.text.lastIndexOf("vip"), end: 9999 } }],
      help: "choose 100% another,\none: please",
    },
  ),
  diagnostic("spec/no-address", { service: "a/b" }, { at: { file, start: 0, end: 30 } }),
  diagnostic("spec/undescribed-node", { node: "n" }, { at: null }),
];

describe("JSON", () => {
  it("gives every finding with its places, and the counts", () => {
    const document: unknown = JSON.parse(renderDiagnostics(findings, "json"));
    expect(document).toMatchObject({ errors: 1, warnings: 1, notes: 1 });
    const twice = renderDiagnostics([...findings, ...findings.slice(0, 2), ...findings.slice(0, 1)], "json");
    expect(JSON.parse(twice)).toMatchObject({ errors: 3, warnings: 2, notes: 1 });
    expect(document).toMatchObject({
      diagnostics: [
        {
          code: "spec/vip-port-taken",
          severity: "error",
          place: { file: file.path, line: 2, column: 5, endLine: 2, endColumn: 13, object: "Service a/b" },
          notes: [
            { message: "first used here", place: { line: 3, column: 1, endLine: 4, endColumn: 1, object: null } },
          ],
          help: "choose 100% another,\none: please",
        },
        { code: "spec/no-address", place: { line: 1, column: 1, endLine: 3 }, help: null },
        { code: "spec/undescribed-node", severity: "note", place: null, notes: [] },
      ],
    });
  });

  it("is one document without findings", () => {
    expect(JSON.parse(renderDiagnostics([], "json"))).toEqual({ diagnostics: [], errors: 0, warnings: 0, notes: 0 });
  });
});

describe("GitHub", () => {
  it("gives one command for each finding and lets no text make another", () => {
    expect(renderDiagnostics(findings, "github").split("\n")).toEqual([
      "::error file=specs/a%2C b%3Ac%25.weir,line=2,col=5,endLine=2,endColumn=13,title=spec/vip-port-taken::" +
        "10.0.0.1 port 80/tcp is already served by a/b%0Ahelp: choose 100%25 another,%0Aone: please",
      "::warning file=specs/a%2C b%3Ac%25.weir,line=1,col=1,endLine=3,title=spec/no-address::" +
        "service a/b has no address and no node port: nothing can reach it",
      "::notice title=spec/undescribed-node::nothing describes node n: it has a name, and no address, pods or zone",
      "",
    ]);
  });
});

describe("SARIF", () => {
  const schema: object = createRequire(import.meta.url)("@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json");
  const ajv = new Ajv.default({ strict: false, allErrors: true, unicodeRegExp: false });
  addFormats.default(ajv);
  const validate = ajv.compile(schema);

  it.each([
    ["findings", findings],
    ["no findings", []],
  ])("is valid against the schema of SARIF 2.1.0 with %s", (_, list) => {
    validate(JSON.parse(renderDiagnostics(list, "sarif")));
    expect(validate.errors).toBeNull();
  });

  it("the schema refuses what is no SARIF", () => {
    expect(validate({ version: "2.1.0", runs: [{ tool: {} }] })).toBe(false);
  });

  it("keeps places, and counts columns as Unicode characters", () => {
    const log: unknown = JSON.parse(renderDiagnostics(findings, "sarif"));
    const region = { startLine: 2, startColumn: 5, endLine: 2, endColumn: 13 };
    const uri = "specs/a%2C%20b%3Ac%25.weir";
    expect(log).toMatchObject({
      runs: [
        {
          columnKind: "unicodeCodePoints",
          results: [
            {
              ruleId: "spec/vip-port-taken",
              ruleIndex: 2,
              level: "error",
              locations: [
                {
                  physicalLocation: { artifactLocation: { uri }, region },
                  logicalLocations: [{ name: "Service a/b" }],
                },
              ],
              relatedLocations: [{ message: { text: "first used here" } }],
            },
            { ruleId: "spec/no-address", ruleIndex: 0, level: "warning" },
            { ruleId: "spec/undescribed-node", level: "note", locations: [] },
          ],
        },
      ],
    });
  });

  it("gives absolute paths as file URIs", () => {
    const absolute = { ...place, file: { ...file, path: "/srv/a b.weir" } };
    const text = renderDiagnostics([diagnostic("spec/no-address", { service: "a/b" }, { at: absolute })], "sarif");
    expect(text).toContain('"uri": "file:///srv/a%20b.weir"');
  });
});

describe("every format", () => {
  it.each(diagnosticFormats)("%s ends with a line break and is the same each time", (format) => {
    const text = renderDiagnostics(findings, format);
    expect(text.endsWith("\n")).toBe(true);
    expect(renderDiagnostics(findings, format)).toBe(text);
  });
});
