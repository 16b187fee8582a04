import { describe, expect, it } from "vitest";
import { deriveLine, isRefusal } from "../../../compiler/syntax/derive.ts";
import { describeExpected } from "../../../compiler/syntax/expected.ts";
import { lexer, type Token, tokenOf } from "../../../grammar/tokens.ts";

function tokens(text: string): readonly Token[] {
  lexer.reset(text);
  const result: Token[] = [];
  for (let match = lexer.next(); match !== undefined; match = lexer.next()) result.push(tokenOf(match));
  return result;
}

describe("lines", () => {
  it("of one shape have one parse, which is found once", () => {
    const first = deriveLine("service_line", tokens("endpoint 10.0.0.1 on worker-1 weight 3"));
    expect(deriveLine("service_line", tokens("endpoint fd00::1 on w weight 65535"))).toBe(first);
    expect(deriveLine("service_line", tokens("endpoint 10.0.0.1 on worker-1"))).not.toBe(first);
  });

  it("of more tokens than are kept are parsed too", () => {
    const long = tokens(`pods ${"a, ".repeat(99)}a`);
    const first = deriveLine("cluster_line", long);
    expect(isRefusal(first)).toBe(false);
    expect(deriveLine("cluster_line", long)).not.toBe(first);
    expect(deriveLine("cluster_line", long)).toEqual(first);
  });

  it.each([
    ["port http tcp x", 3, ["a port number"], false],
    ["port http tcp", 3, ["a port number"], false],
    ["vip 10.0.0.1 10.0.0.2", 2, ["`,`"], true],
    ["one-packet x", 1, [], true],
  ])("that do not parse tell where, and what could stand there: %s", (text, at, expected, mayEnd) => {
    const refusal = deriveLine("service_line", tokens(text));
    if (!isRefusal(refusal)) throw new Error("it parses");
    expect(refusal).toMatchObject({ at, mayEnd });
    expect(refusal.expected.map(describeExpected)).toEqual(expected);
  });
});
