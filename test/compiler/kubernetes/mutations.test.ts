import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fragmentFromObjects } from "../../../compiler/kubernetes/read.ts";
import type { Location } from "../../../compiler/source.ts";
import { serviceText, sliceText } from "./support.ts";

/** Texts with everything that is read, in both notations. */
const seeds: readonly string[] = [
  readFileSync("fixtures/50-online-boutique/cluster.yaml", "utf8"),
  readFileSync("fixtures/50-online-boutique/objects.yaml", "utf8").slice(0, 3000),
  `[${serviceText({ externalIPs: ["203.0.113.1"], type: "LoadBalancer" }, { status: { loadBalancer: { ingress: [{ ip: "198.51.100.7" }] } } })},\n${sliceText({ endpoints: [{ addresses: ["10.244.1.5"], nodeName: "worker-1", hints: { forZones: [{ name: "a" }] } }] })}]`,
];

/** What is put in: bits of both notations, values that fields do not expect, and characters that mean harm. */
const pieces = fc.constantFrom(
  ..."{}[],:\"'\\-#&*!|>%@`\n\t \0\u202e",
  "null",
  "true",
  "-1",
  "1e999",
  "65536",
  "---\n",
  "...",
  "<<: ",
  "&a ",
  "*a",
  "kind: List\nitems:\n- ",
  '"__proto__":{},',
  "\ud800",
);

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

const edits: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.record({ at: fc.nat(4000), remove: fc.nat(12), insert: fc.oneof(pieces, fc.constant("")) }),
  { minLength: 1, maxLength: 6 },
);

function edited(text: string, changes: readonly Edit[]): string {
  return changes.reduce((result, { at, remove, insert }) => {
    const start = at % (result.length + 1);
    return result.slice(0, start) + insert + result.slice(start + remove);
  }, text);
}

function expectInside(location: Location | null): void {
  if (location === null) return;
  expect(location.start).toBeGreaterThanOrEqual(0);
  expect(location.end).toBeGreaterThanOrEqual(location.start);
  expect(location.end).toBeLessThanOrEqual(location.file.text.length);
}

describe("mistakes of any kind", () => {
  it("give findings with places inside the file, and never throw", () => {
    fc.assert(
      fc.property(fc.constantFrom(...seeds), edits, (seed, changes) => {
        const { fragment, diagnostics } = fragmentFromObjects({ path: "objects.yaml", text: edited(seed, changes) });
        for (const finding of diagnostics) {
          expectInside(finding.location);
          expect(finding.message).not.toMatch(/[\n\r]/);
        }
        for (const service of fragment.services) {
          expectInside(service.origin);
          // What gets through is safe to stand in a comment of a rule.
          expect(service.name).toMatch(/^[a-z0-9-]+\/[a-z0-9-]+$/);
        }
        for (const group of fragment.endpointGroups)
          for (const endpoint of group.endpoints) expectInside(endpoint.origin);
        for (const node of fragment.nodes) expect(node.name).toMatch(/^[a-z0-9.-]+$/);
      }),
      { seed: 7, numRuns: 400 },
    );
  });
});
