import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Diagnostic } from "../../../compiler/diagnostics/diagnostic.ts";
import { objectsFromSpec } from "../../../compiler/kubernetes/from-spec.ts";
import { fragmentFromObjects } from "../../../compiler/kubernetes/read.ts";
import type { SpecFragment } from "../../../compiler/spec/fragment.ts";
import { fragmentFromText } from "../../../compiler/spec/from-syntax.ts";
import { mergeFragments } from "../../../compiler/spec/merge.ts";
import type { Spec } from "../../../compiler/spec/schema.ts";
import { syntaxFromSpec } from "../../../compiler/spec/to-syntax.ts";
import { formatSyntax } from "../../../compiler/syntax/format.ts";
import { meaningOf } from "../../support/meaning.ts";
import { carriedSpec } from "./arbitrary-spec.ts";

function specOf(read: { readonly fragment: SpecFragment; readonly diagnostics: readonly Diagnostic[] }): Spec {
  const merged = mergeFragments([read.fragment]);
  const findings = [...read.diagnostics, ...merged.diagnostics];
  expect(findings.map((finding) => finding.message)).toEqual([]);
  return merged.spec;
}

function throughObjects(spec: Spec): Spec {
  const { text, diagnostics } = objectsFromSpec(spec);
  expect(diagnostics.map((finding) => finding.message)).toEqual([]);
  return specOf(fragmentFromObjects({ path: "objects.yaml", text }));
}

function throughText(spec: Spec): Spec {
  return specOf(fragmentFromText({ path: "spec.weir", text: formatSyntax(syntaxFromSpec(spec)) }));
}

const parameters = { seed: 20261122, numRuns: 60 };

describe("convert keeps the meaning on every node", () => {
  it("of specs written as Kubernetes objects and read again", () => {
    fc.assert(
      fc.property(carriedSpec, (spec) => {
        expect(meaningOf(throughObjects(spec))).toEqual(meaningOf(spec));
      }),
      parameters,
    );
  });

  it("of specs written in our language and read again", () => {
    fc.assert(
      fc.property(carriedSpec, (spec) => {
        expect(meaningOf(throughText(spec))).toEqual(meaningOf(spec));
      }),
      parameters,
    );
  });

  it("of Kubernetes objects written in our language, and of that as objects again", () => {
    fc.assert(
      fc.property(carriedSpec, (spec) => {
        const objects = throughObjects(spec);
        const text = throughText(objects);
        expect(meaningOf(text)).toEqual(meaningOf(objects));
        expect(objectsFromSpec(throughObjects(text)).text).toBe(objectsFromSpec(text).text);
      }),
      parameters,
    );
  });
});
