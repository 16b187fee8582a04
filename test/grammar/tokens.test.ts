import { describe, expect, it } from "vitest";
import { lexer, tokenOf } from "../../grammar/tokens.ts";

function shapes(text: string): string {
  lexer.reset(text);
  const result: string[] = [];
  for (let match = lexer.next(); match !== undefined; match = lexer.next()) {
    if (match.type === "newline" || match.type === "comment") result.push(match.type);
    else if (match.type !== "blank") result.push(tokenOf(match).shape);
  }
  return result.join(" ");
}

describe("tokens", () => {
  it.each([
    ["endpoint 10.244.1.5 on worker-1 weight 3", "endpoint %word on %word weight %number"],
    ["vip fd00:10:96::10, fd00::", "vip %word , %word"],
    ["expect on worker-1: tcp", "expect on %word : tcp"],
    ["expect: tcp 1.2.3.4->[fd00::1]:80", "expect : tcp %word -> %word"],
    ["8080->8443", "%number -> %number"],
    ["a-b->c", "%word -> %word"],
    ["reaches shop/web:http 33.3%, x 5 %", "reaches %word %percent , %word %number %word"],
    ['include "a b/*.weir"', "include %string"],
    ['on "weight', "on %unclosed"],
    ["port http=80", "port %word = %number"],
    ["vip 10.0.0.1 # why\n\n  port tcp 80", "vip %word comment newline port tcp %number"],
    ["vip\t10.0.0.1\r\nport", "vip %word newline port"],
    ["vip é", "vip %bad"],
    ["vip 1.1.1.1\u0007", "vip %word %bad"],
    ["# fine \u202e hidden", "comment %bad %word"],
    ["Service 3h 30000-32767", "%word %word %word"],
  ])("%j", (text, expected) => {
    expect(shapes(text)).toBe(expected);
  });

  it.each([
    "\u0000",
    "\u001b",
    "\u007f",
    "\u0085",
    "\u009f",
    "\u2028",
    "\u202a",
    "\u202e",
    "\u2066",
    "\u2069",
    "\ufeff",
  ])("do not hide %j in comments and strings", (character) => {
    expect(shapes(`# a ${character}b`)).toBe("comment %bad %word");
    expect(shapes(`"a ${character}"`)).toBe("%unclosed %bad %unclosed");
  });

  it("have places without the blanks after them", () => {
    lexer.reset('"a b"  tcp ');
    const [first, second] = [lexer.next(), lexer.next()].flatMap((match) => (match ? [tokenOf(match)] : []));
    expect(first).toMatchObject({ kind: "string", text: "a b", start: 0, end: 5 });
    expect(second).toMatchObject({ text: "tcp", start: 7, end: 10 });
  });

  it("cover the text without gaps, whatever it is", () => {
    const text = "service \u0000 {\n\r \ud800 ☃ \u{1f600} '\"x\ny ; ->>- :::: #\r c\n";
    lexer.reset(text);
    let end = 0;
    for (let match = lexer.next(); match !== undefined; match = lexer.next()) {
      expect(match.offset).toBe(end);
      end += match.text.length;
    }
    expect(end).toBe(text.length);
  });
});
