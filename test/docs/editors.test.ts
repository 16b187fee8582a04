import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { schedulers } from "../../compiler/spec/words.ts";
import { choices, declarationWords, keywords } from "../../grammar/vocabulary.ts";

interface Pattern {
  readonly name?: string;
  readonly match?: string;
  readonly include?: string;
  readonly patterns?: readonly Pattern[];
  readonly captures?: Readonly<Record<string, { readonly name: string }>>;
}

interface EditorGrammar {
  readonly scopeName: string;
  readonly fileTypes: readonly string[];
  readonly patterns: readonly Pattern[];
  readonly repository: Readonly<Record<string, Pattern>>;
}

const grammar: EditorGrammar = JSON.parse(readFileSync("docs/editors/weir.tmLanguage.json", "utf8"));
const all: readonly Pattern[] = [...grammar.patterns, ...Object.values(grammar.repository)].flatMap((pattern) => [
  pattern,
  ...(pattern.patterns ?? []),
]);

/** The scope that a whole word gets from the rules without a line's context. */
function scopeOf(word: string): string | undefined {
  const words = grammar.repository.words?.patterns ?? [];
  return words.find(({ match }) => match !== undefined && new RegExp(`^(?:${match})$`).test(word))?.name;
}

describe("the editor grammar", () => {
  it("has the parts that editors ask for, and patterns that are regular expressions", () => {
    expect(grammar).toMatchObject({ scopeName: "source.weir", fileTypes: ["weir"] });
    for (const { match } of all) if (match !== undefined) expect(() => new RegExp(match)).not.toThrow();
  });

  it("includes only what it has", () => {
    const included = all.flatMap(({ include }) => (include === undefined ? [] : [include.slice(1)]));
    expect(included.filter((name) => grammar.repository[name] === undefined)).toEqual([]);
  });

  it("knows every word of the language, and no more", () => {
    const known = (scope: string) =>
      all.find(({ name, match }) => name === scope && match?.includes("|"))?.match?.match(/\(\?:([a-z|-]+)\)/)?.[1];
    expect([...(known("keyword.other.weir")?.split("|") ?? []), "include", "expect"].sort()).toEqual(
      [...keywords].sort(),
    );
    expect(known("support.constant.weir")?.split("|").sort()).toEqual([...choices, ...schedulers].sort());
    for (const word of declarationWords) expect(all.some(({ match }) => match?.includes(word))).toBe(true);
  });

  it.each([
    ["endpoint", "keyword.other.weir"],
    ["node-port-addresses", "keyword.other.weir"],
    ["wlc", "support.constant.weir"],
    ["10.96.0.0/12", "constant.other.address.weir"],
    ["fd00:10:96::10", "constant.other.address.weir"],
    ["[2001:db8::1]:80", "constant.other.address.weir"],
    ["8080", "constant.numeric.weir"],
    ["30000-32767", "constant.numeric.weir"],
    ["3h", "constant.numeric.duration.weir"],
    ["shop/web", "entity.name.type.weir"],
    ["worker-1", undefined],
    ['"a b"', undefined],
  ])("gives %s its scope", (word, scope) => {
    expect(scopeOf(word)).toBe(scope);
  });
});
