import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fragmentFromText } from "../../../compiler/spec/from-syntax.ts";
import { deriveLine, isRefusal, type StartSymbol } from "../../../compiler/syntax/derive.ts";
import { formatSyntax } from "../../../compiler/syntax/format.ts";
import { parseSyntax } from "../../../compiler/syntax/parse.ts";
import { splitDeclarations } from "../../../compiler/syntax/split.ts";
import { lexer, tokenOf } from "../../../grammar/tokens.ts";
import { meaningOf, weirFile } from "../../support/language.ts";
import { randomFile, randomTokens, tapeOf } from "../../support/random-weir.ts";

const tape = fc.array(fc.nat(), { maxLength: 200, size: "max" });
const settings = { numRuns: 1500, seed: 20261122 };
const starts: readonly StartSymbol[] = ["declaration", "cluster_line", "node_line", "service_line"];

function formatted(text: string): string {
  return formatSyntax(parseSyntax(weirFile(text)).tree);
}

function tokensOf(text: string) {
  lexer.reset(text);
  const tokens = [];
  for (let match = lexer.next(); match !== undefined; match = lexer.next()) {
    if (match.type !== "blank") tokens.push(tokenOf(match));
  }
  return tokens;
}

function commentsIn(text: string): readonly string[] {
  return [...text.matchAll(/#[^\r\n]*/g)].map((match) => match[0].trimEnd()).sort();
}

describe("any text of the grammar", () => {
  it("has exactly one parse, line by line", () => {
    fc.assert(
      fc.property(fc.constantFrom(...starts), tape, (start, numbers) => {
        const line = randomTokens(start, tapeOf(numbers)).join(" ");
        // deriveLine throws InternalError for a second parse
        expect(isRefusal(deriveLine(start, tokensOf(line))), line).toBe(false);
      }),
      { ...settings, numRuns: 3000 },
    );
  });

  it("parses without a finding of syntax", () => {
    fc.assert(
      fc.property(tape, (numbers) => {
        const text = randomFile(tapeOf(numbers));
        expect(
          parseSyntax(weirFile(text)).diagnostics.map((finding) => finding.message),
          text,
        ).toEqual([]);
      }),
      settings,
    );
  });

  it("is formatted once and for all", () => {
    fc.assert(
      fc.property(tape, (numbers) => {
        const once = formatted(randomFile(tapeOf(numbers)));
        expect(formatted(once)).toBe(once);
      }),
      settings,
    );
  });

  it("means the same and has the same comments after formatting", () => {
    fc.assert(
      fc.property(tape, (numbers) => {
        const text = randomFile(tapeOf(numbers));
        const once = formatted(text);
        const [before, after] = [fragmentFromText(weirFile(text)), fragmentFromText(weirFile(once))];
        expect(meaningOf(after.fragment)).toBe(meaningOf(before.fragment));
        expect(after.diagnostics.map((finding) => finding.code)).toEqual(
          before.diagnostics.map((finding) => finding.code),
        );
        expect(commentsIn(once)).toEqual(commentsIn(text));
      }),
      settings,
    );
  });

  it("is read alike with and without a cache", () => {
    const cache = new Map();
    fc.assert(
      fc.property(tape, (numbers) => {
        const file = weirFile(randomFile(tapeOf(numbers)));
        expect(meaningOf(fragmentFromText(file, cache).fragment)).toBe(meaningOf(fragmentFromText(file).fragment));
        expect(fragmentFromText(file, cache)).toEqual(fragmentFromText(file));
      }),
      { ...settings, numRuns: 500 },
    );
  });
});

/** Pieces that trouble lexers and splitters. */
const trouble = [
  "{",
  "}",
  '"',
  "#",
  ",",
  "\n",
  "\r",
  "\r\n",
  "service ",
  "\nservice ",
  "node",
  "\u0000",
  "\ud800",
  "->",
  ":",
  "=",
  "é",
  "\ufeff",
];

describe("any other text", () => {
  it("gives findings or a tree, and never throws", () => {
    fc.assert(
      fc.property(
        tape,
        fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom(...trouble)), { maxLength: 6 }),
        (numbers, edits) => {
          let text = randomFile(tapeOf(numbers));
          for (const [place, cut, insert] of edits) {
            const at = place % (text.length + 1);
            text = text.slice(0, at) + insert + text.slice(at + cut);
          }
          const { tree, diagnostics } = parseSyntax(weirFile(text));
          fragmentFromText(weirFile(text));
          for (const { location } of diagnostics) {
            expect(location?.start).toBeLessThanOrEqual(text.length);
            expect(location?.end).toBeLessThanOrEqual(text.length);
          }
          if (diagnostics.length > 0) return;
          const once = formatSyntax(tree);
          expect(formatted(once)).toBe(once);
        },
      ),
      settings,
    );
  });

  it("is cut without gaps, and parts do not depend on those before them", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...trouble.slice(0, -1), "x", " ", "let a = 1", "}\n"), { maxLength: 40 }),
        (pieces) => {
          const text = pieces.join("");
          const parts = splitDeclarations(text);
          const begin = text.startsWith("\ufeff") ? 1 : 0;
          expect(parts.map((part) => text.slice(part.start, part.end)).join("")).toBe(text.slice(begin));
          for (const part of parts) expect(part.end).toBeGreaterThan(part.start);
          const second = parts[1];
          if (second === undefined) return;
          expect(splitDeclarations(text.slice(second.start)).map((part) => part.end + second.start)).toEqual(
            parts.slice(1).map((part) => part.end),
          );
        },
      ),
      settings,
    );
  });
});
