import { describe, expect, it } from "vitest";
import { expandGlob, matchesSegment } from "../../../compiler/cli/glob.ts";
import { temporaryFolder } from "../../support/command.ts";

describe("one part of a pattern", () => {
  it.each([
    ["*", "a.weir", true],
    ["*", ".a", false],
    [".*", ".a", true],
    ["*.weir", "a.weir", true],
    ["*.weir", "a.weird", false],
    ["?.weir", "a.weir", true],
    ["?.weir", "ab.weir", false],
    ["a*c*e", "abcde", true],
    ["a*c*e", "abcdf", false],
    ["*a*", "bab", true],
    ["[ab].weir", "a.weir", false],
    ["a.weir", "aXweir", false],
    ["**", "x", true],
    ["", "", true],
    ["a?", "a", false],
  ])("%s and %s: %s", (pattern, name, expected) => {
    expect(matchesSegment(pattern, name)).toBe(expected);
  });

  it("takes no time on patterns that are hard for regular expressions", () => {
    expect(matchesSegment(`${"*a".repeat(100)}b`, "a".repeat(255))).toBe(false);
  });
});

describe("patterns in a folder", () => {
  it.each([
    ["*.weir", ["a.weir", "b.weir"]],
    ["s/*.weir", ["s/c.weir"]],
    ["*/*.weir", ["s/c.weir"]],
    ["**/*.weir", ["a.weir", "b.weir", "s/c.weir", "s/t/d.weir"]],
    ["s/**", ["s/c.weir", "s/t/d.weir"]],
    ["a.weir", ["a.weir"]],
    ["s", []],
    ["a.weir/x", []],
    ["missing/*.weir", []],
    ["./a.weir", ["a.weir"]],
  ])("%s", (pattern, expected) => {
    const folder = temporaryFolder({
      "a.weir": "",
      "b.weir": "",
      "s/c.weir": "",
      "s/t/d.weir": "",
      "node_modules/x.weir": "",
      ".hidden/x.weir": "",
    });
    expect(expandGlob(folder, pattern)).toEqual(expected);
  });
});
