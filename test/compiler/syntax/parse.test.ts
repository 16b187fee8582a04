import { describe, expect, it } from "vitest";
import { hasErrors } from "../../../compiler/diagnostics/diagnostic.ts";
import { formatSyntax } from "../../../compiler/syntax/format.ts";
import { parseSyntax, type SyntaxCache } from "../../../compiler/syntax/parse.ts";
import { findingsIn, fragmentOf, weirFile } from "../../support/language.ts";

describe("errors do not hide each other", () => {
  it("on several lines of one block", () => {
    expect(
      findingsIn(
        "service shop/web {\n  vip 10.0.0.300\n  port http\n  endpoint 10.0.0.1 weight\n  zone a\n}\nnod x {\n}\n",
      ),
    ).toEqual([
      "2:7 syntax/address [10.0.0.300] 10.0.0.300 is not an IP address",
      "3:12 syntax/unexpected [] unexpected end of line, expected `tcp`, `udp` or `sctp`",
      "4:27 syntax/unexpected [] unexpected end of line, expected a number",
      "5:3 syntax/unknown-statement [zone] `zone` is not known in a service block",
      "7:1 syntax/unknown-statement [nod] `nod` is not known outside of blocks",
    ]);
  });

  it("inside a block without its opening brace, on the line or on the next one", () => {
    const expected = "1:17 syntax/unexpected [] unexpected end of line, expected `{`";
    const inside = "syntax/unknown-statement [prt] `prt` is not known in a service block";
    expect(findingsIn("service shop/web\n  prt tcp 80\n}\nlet a = 10.0.0.1\n")).toEqual([expected, `2:3 ${inside}`]);
    expect(findingsIn("service shop/web\n{\n  prt tcp 80\n}\n")).toEqual([expected, `3:3 ${inside}`]);
  });

  it("behind a missing closing brace, with the next declaration in the first column or not", () => {
    for (const indent of ["", "  "]) {
      const text = `service shop/a {\n  port tcp 80\n${indent}service shop/b {\n  port u tcp x\n}\n`;
      expect(findingsIn(text)).toEqual([
        "1:1 syntax/unclosed-block [service shop/a] the block of `service shop/a` is not closed",
        "4:14 syntax/unexpected [x] unexpected `x`, expected a port number",
      ]);
    }
  });

  it("behind a brace too many", () => {
    expect(findingsIn("service shop/a {\n  port tcp 80\n}\n}\nservice shop/b {\n  port u tcp x\n}\n")).toEqual([
      "4:1 syntax/unopened-block [}] `}` closes no block",
      "6:14 syntax/unexpected [x] unexpected `x`, expected a port number",
    ]);
  });

  it("behind a block inside a block, whose lines are left out", () => {
    expect(findingsIn("service shop/a {\n  checks {\n    http {\n      a\n    }\n  }\n  vip x y\n}\n")).toEqual([
      "2:3 syntax/nested-block [checks] `checks` opens a block inside a block",
      "7:9 syntax/unexpected [y] unexpected `y`, expected `,` or the end of the line",
    ]);
  });

  it("and no consequence of a broken line is reported", () => {
    expect(findingsIn("let corp 10.0.0.0/8\nservice a/b {\n  load-balancer 10.0.0.1 allow corp\n}\n")).toEqual([
      "1:10 syntax/unexpected [10.0.0.0/8] unexpected `10.0.0.0/8`, expected `=`",
    ]);
  });

  it("keeping the declarations that are right", () => {
    const { tree } = parseSyntax(weirFile("service a/b {\n  port tcp 80\n  bad\n}\nnode n {\n}\nnode {\n}\n"));
    expect(formatSyntax(tree)).toBe("service a/b {\n  port tcp 80\n}\n\nnode n {\n}\n");
  });
});

describe("layout that is accepted", () => {
  it.each([
    ["tabs", "service\ta/b\t{\n\tport\ttcp\t80\n}\n"],
    ["carriage returns", "service a/b {\r\n  port tcp 80\r\n}\r\n"],
    ["a byte order mark", "\ufeffservice a/b {\n  port tcp 80\n}\n"],
    ["no line end at the end", "service a/b {\n  port tcp 80\n}"],
    ["a block on one line", "service a/b { port tcp 80 }\n"],
    ["statements in the first column", "service a/b {\nport tcp 80\n}\n"],
    ["braces in comments", "# {\nservice a/b { # }\n  # }\n  port tcp 80 # {\n}\n"],
  ])("%s", (_, text) => {
    expect(fragmentOf(text).services.map((service) => [service.name, service.ports[0]?.port])).toEqual([["a/b", 80]]);
  });

  it("lists over several lines", () => {
    const { settings } = fragmentOf("cluster {\n  pods 10.0.0.0/8, # a\n\n    # b\n    fd00::/8\n}\n");
    expect(settings[0]?.value).toMatchObject([{ text: "10.0.0.0/8" }, { text: "fd00::/8" }]);
    expect(fragmentOf("let a = 10.0.0.1,\n  10.0.0.2\nnode n {\n  address a\n}\n").nodes[0]?.addresses).toHaveLength(2);
  });

  it("nothing at all", () => {
    expect(findingsIn("")).toEqual([]);
    expect(findingsIn("\n \n# only a comment")).toEqual([]);
  });
});

describe("endless runs of one character", () => {
  it.each<[string, string, readonly string[]]>([
    ["a word", "a", ["syntax/word-too-long"]],
    ["blank lines", "\n", []],
  ])("%s", (_, character, codes) => {
    const { diagnostics } = parseSyntax(weirFile(character.repeat(12_000_000)));
    expect(diagnostics.map((finding) => finding.code)).toEqual(codes);
  });
});

describe("cache", () => {
  const text = "# one\nservice a/b {\n  port tcp 80\n}\n\nservice a/c {\n  port tcp 81\n}\n";

  it("keeps the parts whose text stays, wherever they move", () => {
    const cache: SyntaxCache = new Map();
    const before = parseSyntax(weirFile(text), cache).tree.chunks;
    const after = parseSyntax(weirFile(text.replace("# one", "# longer comment")), cache).tree.chunks;
    expect(after[0]?.lines).not.toBe(before[0]?.lines);
    expect(after[1]?.lines).toBe(before[1]?.lines);
    expect(after[1]?.start).toBe((before[1]?.start ?? 0) + "longer comment".length - "one".length);
  });

  it("holds nothing with errors, so that findings are reported again", () => {
    const cache: SyntaxCache = new Map();
    const file = weirFile("nod x {\n}\n");
    const first = parseSyntax(file, cache);
    expect(hasErrors(first.diagnostics)).toBe(true);
    expect(parseSyntax(file, cache)).toEqual(first);
    expect(cache.size).toBe(0);
  });
});
