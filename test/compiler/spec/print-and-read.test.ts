import fc from "fast-check";
import { expect, it } from "vitest";
import { hasErrors } from "../../../compiler/diagnostics/diagnostic.ts";
import { fragmentFromText } from "../../../compiler/spec/from-syntax.ts";
import { mergeFragments } from "../../../compiler/spec/merge.ts";
import { specSchema } from "../../../compiler/spec/schema.ts";
import { syntaxFromSpec } from "../../../compiler/spec/to-syntax.ts";
import { formatSyntax } from "../../../compiler/syntax/format.ts";
import { briefly, weirFile } from "../../support/language.ts";
import { randomFile, tapeOf } from "../../support/random-weir.ts";

function specOf(text: string) {
  const { fragment, diagnostics } = fragmentFromText(weirFile(text));
  return { spec: mergeFragments([fragment]).spec, diagnostics };
}

it("a spec that was read is printed as a text that reads as the same print", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 200, size: "max" }), (numbers) => {
      const first = specOf(randomFile(tapeOf(numbers)));
      fc.pre(!hasErrors(first.diagnostics));
      specSchema.parse(first.spec);
      const once = formatSyntax(syntaxFromSpec(first.spec));
      const again = specOf(once);
      expect(again.diagnostics.map(briefly)).toEqual([]);
      expect(formatSyntax(syntaxFromSpec(again.spec))).toBe(once);
    }),
    { numRuns: 400, seed: 20261122, maxSkipsPerRun: 1000 },
  );
});
