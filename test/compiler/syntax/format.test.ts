import { describe, expect, it } from "vitest";
import { formatSyntax } from "../../../compiler/syntax/format.ts";
import { parseSyntax } from "../../../compiler/syntax/parse.ts";
import * as make from "../../../grammar/builders.ts";
import type { Declaration, FileNode, Leaf } from "../../../grammar/nodes.ts";
import { weirFile } from "../../support/language.ts";

function format(text: string): string {
  const { tree, diagnostics } = parseSyntax(weirFile(text));
  expect(diagnostics).toEqual([]);
  return formatSyntax(tree);
}

describe("canonical layout", () => {
  it.each([
    [
      "two spaces in blocks, one between words",
      "node  n{\n\taddress\t10.0.0.1 ,10.0.0.2\n }",
      "node n {\n  address 10.0.0.1, 10.0.0.2\n}\n",
    ],
    ["a line for each statement", "node n { zone a }", "node n {\n  zone a\n}\n"],
    ["one blank line where there were some", "let a = 10.0.0.1\n\n\n\nlet b = a\n", "let a = 10.0.0.1\n\nlet b = a\n"],
    ["none at the ends", "\n\nnode n {\n\n  zone a\n\n}\n\n", "node n {\n  zone a\n}\n"],
    [
      "blank lines around blocks",
      "let a = 10.0.0.1\nnode n {\n}\nnode m {\n}\n# x\nlet b = a\n",
      "let a = 10.0.0.1\n\nnode n {\n}\n\nnode m {\n}\n\n# x\nlet b = a\n",
    ],
    [
      "a comment stays with the block below it",
      "let a = 10.0.0.1\n\n# n\nnode n {\n}\n",
      "let a = 10.0.0.1\n\n# n\nnode n {\n}\n",
    ],
    [
      "comments at every place",
      "# 1\nnode n{# 2\n# 3\nzone a# 4\n# 5\n}# 6\n# 7",
      "# 1\nnode n {  # 2\n  # 3\n  zone a  # 4\n  # 5\n}  # 6\n\n# 7\n",
    ],
    ["no carriage returns", "node n {\r\n  zone a # x\r\n}\r\n", "node n {\n  zone a  # x\n}\n"],
    [
      "quotes only where they are needed",
      'node "n" {\n  zone "zone"\n}\nnode "10" {\n}\n',
      'node n {\n  zone "zone"\n}\n\nnode 10 {\n}\n',
    ],
    [
      "port names that look like numbers keep them",
      'service a/b {\n  port "80" tcp 80\n  port "x" tcp 81\n}\n',
      'service a/b {\n  port "80" tcp 80\n  port x tcp 81\n}\n',
    ],
    ["an empty file stays empty", "\n\n", ""],
  ])("%s", (_, text, expected) => {
    expect(format(text)).toBe(expected);
    expect(format(expected)).toBe(expected);
  });

  it("breaks long lines behind commas, and lists with comments", () => {
    const addresses = Array.from({ length: 8 }, (_, at) => `198.51.100.${at + 100}`);
    const long = format(`let a = ${addresses.join(", ")}\n`);
    expect(long).toBe(`let a = ${addresses.join(",\n    ")}\n`);
    expect(format(long)).toBe(long);
    const commented = "let a = 10.0.0.1,  # one\n    # two\n    # three\n    10.0.0.2,\n    10.0.0.3  # four\n";
    expect(format(commented.replaceAll("    ", " "))).toBe(commented);
  });

  it("keeps every word of every statement", () => {
    const text = [
      'include "a b/*.weir"',
      "",
      "cluster {",
      "  node-port-range 30000-32767",
      "  node-port-addresses primary",
      "  local-traffic bridge cni0",
      "  guard vip 10.0.0.0/8, 192.0.2.0/24 for shop/*, */web",
      "  scheduler wlc",
      "  masquerade-all",
      "  tcp-timeout 15m",
      "  allow warning spec/no-address",
      "}",
      "",
      "service a/b {",
      "  load-balancer 198.51.100.7, 198.51.100.8 allow 10.0.0.0/8, 192.0.2.1",
      "  scheduler sh fallback port",
      "  affinity client-ip 30s netmask 24/64",
      "  forward tunnel gue 6080",
      "  port http tcp 80 -> 8080 node-port 30080",
      "  endpoint 10.0.0.1 on n weight 3 port http=81 zone-hint a, b node-hint n max-connections 9 min-connections 3",
      "}",
      "",
      "expect on n: tcp 10.0.0.1 -> [2001:db8::1]:80 reaches a/b 50%, 10.0.0.2 50% masquerade yes",
      "expect: udp 10.0.0.1 -> 10.0.0.2:53 not-ours",
      "",
    ].join("\n");
    const once = format(text);
    expect(once.replace("a,\n      b", "a, b")).toBe(text);
    expect(format(once)).toBe(once);
  });
});

describe("trees without a text", () => {
  const leaf = (text: string): Leaf => ({ kind: "string", text, shape: "%string", start: 0, end: 0 });
  const file = (statement: Declaration): FileNode => ({
    kind: "file",
    chunks: [
      { kind: "chunk", start: 0, lines: [{ kind: "line", statement, comment: null, blankBefore: false, inner: [] }] },
    ],
  });

  it("are written with the quotes they need", () => {
    expect(formatSyntax(file(make.node(make.nowhere, leaf("weight"))))).toBe('node "weight" {\n}\n');
    expect(formatSyntax(file(make.node(make.nowhere, leaf("worker-1"))))).toBe("node worker-1 {\n}\n");
  });

  it.each(['a"b', "a\nb", "a\u202eb"])("are refused for a name that would break out: %j", (name) => {
    expect(() => formatSyntax(file(make.node(make.nowhere, leaf(name))))).toThrow("no way to write");
  });
});
