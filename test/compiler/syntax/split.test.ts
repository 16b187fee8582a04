import { describe, expect, it } from "vitest";
import { splitDeclarations } from "../../../compiler/syntax/split.ts";

function parts(text: string): readonly string[] {
  return splitDeclarations(text).map(({ start, end }) => text.slice(start, end));
}

describe("parts of a file", () => {
  it.each([
    [
      "one declaration each, with its comments",
      ["# a\n\nlet a = 1\n", "\n# b\nnode b {\n  zone x\n}\n", "node c {\n}"],
    ],
    ["continued lines stay together", ["let a = 1, # x\n  # y\n\n  2\n", "let b = 1\n"]],
    ["a comma before a declaration continues nothing", ["let a = 1,\n", "let b = 2\n"]],
    [
      "braces in comments and strings do not count",
      ["node a { # {\n# {\n}\n", 'include "{"\n', 'node "}{" {\n}\n', "x\n"],
    ],
    ["a block on one line", ["node a { zone b } # c\n", "node b { }\n"]],
    ["a declaration in the first column ends an open block", ["node a {\n  zone b\n", "service a/b {\n}\n"]],
    ["but not words that only begin like one", ["node a {\nnode-hint b\nservice/x y\nnodes\n}\n"]],
    ["a header without a brace has its block", ["node a\n  zone b\n}\n", "let a = 1\n"]],
    ["or the brace on the next line", ["node a\n{\n  zone b\n}\n", "let a = 1\n"]],
    ["unknown blocks are parts too", ["nod a {\n  x {\n  }\n}\n", "let a = 1\n"]],
    ["a brace too many", ["}\n", "let a = 1\n"]],
    ["a string without an end ends with its line", ['node "a {\n  zone b\n}\n', "let a = 1\n"]],
    ["comments at the end", ["let a = 1\n", "# end"]],
  ])("%s", (_, expected) => {
    expect(parts(expected.join(""))).toEqual(expected);
  });

  it("do not hold a byte order mark", () => {
    expect(parts("\ufefflet a = 1\n")).toEqual(["let a = 1\n"]);
  });
});
