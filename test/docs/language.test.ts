import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fragmentFromText } from "../../compiler/spec/from-syntax.ts";
import { schedulers } from "../../compiler/spec/words.ts";
import { formatSyntax } from "../../compiler/syntax/format.ts";
import { parseSyntax } from "../../compiler/syntax/parse.ts";
import { keywords } from "../../grammar/vocabulary.ts";
import { grammarPage } from "../support/grammar-page.ts";
import { weirFile } from "../support/language.ts";

const page = readFileSync("docs/language.md", "utf8");

function blocks(language: string): readonly string[] {
  return [...page.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, "g"))].map((match) => match[1] ?? "");
}

describe("docs/language.md", () => {
  it.each(blocks("weir"))("has an example without findings, in canonical layout\n%s", (text) => {
    const codes = fragmentFromText(weirFile(text)).diagnostics.map((finding) => finding.code);
    expect(codes.filter((code) => code !== "syntax/unused-list")).toEqual([]);
    expect(formatSyntax(parseSyntax(weirFile(text)).tree)).toBe(text);
  });

  it("shows every word of the language in an example", () => {
    const shown = new Set(
      blocks("weir")
        .join("\n")
        .split(/[\s,:]+/),
    );
    expect([...keywords].filter((word) => !shown.has(word))).toEqual([]);
  });

  it("names every scheduler", () => {
    expect(schedulers.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it("has the grammar that is used: replace the block by what is received", () => {
    expect(grammarPage()).toBe(blocks("ebnf")[0]);
  });
});
