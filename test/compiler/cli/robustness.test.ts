import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { enterFolder, weir } from "../../support/command.ts";

const service = (lines: string): string => `service shop/web {\n  vip 10.96.0.1\n  port http tcp 80\n${lines}}\n`;

const object = (metadata: string, spec = ""): string =>
  `apiVersion: v1\nkind: Service\nmetadata: {namespace: shop, ${metadata}}\n` +
  `spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 80}]${spec}}\n`;

/** Nine levels of nine references: 387,420,489 scalars if anyone followed them. */
const aliasBomb = `a: &a [x, x, x, x, x, x, x, x, x]\n${Array.from("bcdefghi", (name, at) => {
  const before = String.fromCharCode(97 + at);
  return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(", ")}]\n`;
}).join("")}kind: Service\napiVersion: v1\n`;

/** What is put into names of specs by someone who would like to write rules. */
const hostileNames = [
  'web" -j ACCEPT',
  "web'; reboot; '",
  "web$(reboot)",
  "web`reboot`",
  "web\\n-A INPUT -j ACCEPT",
  "-A INPUT",
  "../../etc",
  "web\u0000",
  "web\u202e",
  "w\u00e9b",
  "a".repeat(300),
];

describe("hostile and broken inputs", () => {
  it.each([
    ["an empty file", "a.weir", "", 0],
    ["blanks alone", "a.weir", "\n\t \r\n", 0],
    ["an empty YAML file", "a.yaml", "", 0],
    ["an empty JSON file", "a.json", "", undefined],
    ["tabs and CRLF", "a.weir", service("\tendpoint 10.0.0.1\n").replaceAll("\n", "\r\n"), 0],
    ["no line break at the end", "a.weir", service("").trimEnd(), 0],
    ["an unclosed brace", "a.weir", "service shop/web {\n  vip 10.96.0.1\n", 1],
    ["an unclosed quote", "a.weir", 'include "x\n', 1],
    ["braces alone", "a.weir", "}".repeat(1000) + "{".repeat(1000), 1],
    ["port 0", "a.weir", "service a/b {\n  vip 10.96.0.1\n  port tcp 0\n}\n", 1],
    ["port 65536", "a.weir", "service a/b {\n  vip 10.96.0.1\n  port tcp 65536\n}\n", 1],
    ["port 0 of an object", "a.yaml", object("name: web").replace("port: 80", "port: 0"), 1],
    ["port 65536 of an object", "a.yaml", object("name: web").replace("port: 80", "port: 65536"), 1],
    ["a very long word", "a.weir", "x".repeat(1_000_000), 1],
    ["a very long number", "a.weir", `service a/b {\n  port tcp ${"9".repeat(100_000)}\n}\n`, 1],
    ["deep JSON", "a.json", "[".repeat(100_000), 1],
    ["deep JSON that ends", "a.json", `${"[".repeat(50_000)}${"]".repeat(50_000)}`, 1],
    ["deep YAML", "a.yaml", `kind: Service\nx: ${"[".repeat(20_000)}`, 1],
    ["deep YAML blocks", "a.yaml", Array.from({ length: 500 }, (_, at) => `${" ".repeat(at)}k:\n`).join(""), undefined],
    ["YAML that multiplies itself", "a.yaml", aliasBomb, 1],
    ["YAML that holds itself", "a.yaml", "kind: Service\napiVersion: v1\nmetadata: &a {b: *a}\n", 1],
    [
      "a key of JavaScript's",
      "a.json",
      '{"__proto__": {"kind": "Service"}, "kind": "List", "apiVersion": "v1"}',
      undefined,
    ],
    ["JSON that ends early", "a.json", '{"kind": "List", "items": [{"kind":', 1],
    ["not an object", "a.json", "42", undefined],
    ["null", "a.yaml", "null\n", undefined],
    ["a broken number of documents", "a.yaml", "---\n".repeat(5000), undefined],
  ])("%s", async (_, name, text, code) => {
    enterFolder({ [name]: text });
    const checked = await weir(["check", name]);
    if (code === undefined) expect([0, 1]).toContain(checked.code);
    else expect(checked.code, checked.stderr.slice(0, 2000)).toBe(code);
    expect(checked.stderr).not.toContain("bug in weir");
    expect(checked.stderr.length).toBeLessThan(200_000);
  });

  it.each(hostileNames)("the name %j reaches no rule", async (name) => {
    enterFolder({
      "a.weir": service("").replace("web", name),
      "quoted.weir": service("").replace("shop/web", JSON.stringify(`shop/${name}`)),
      "port.weir": service("").replace("http", JSON.stringify(name)),
      "a.json": JSON.stringify({
        apiVersion: "v1",
        kind: "Service",
        metadata: { namespace: "shop", name },
        spec: { clusterIP: "10.96.0.1", ports: [{ port: 80, name: "http" }] },
      }),
    });
    for (const file of ["a.weir", "quoted.weir", "port.weir", "a.json"]) {
      const { code, stdout, stderr } = await weir(["compile", file, "--node", "n", "--backend", "iptables", "-o", "-"]);
      expect([file, code, stdout]).toEqual([file, 1, ""]);
      expect(stderr).not.toContain("bug in weir");
    }
  });

  it("the parts of a file that stand in artifacts hold no more than they should", async () => {
    const name = 'we"ir\n==> x <==\n.weir';
    enterFolder({ [name]: service("  endpoint 10.0.0.1\n") });
    expect((await weir(["compile", name, "--node", "n", "--backend", "iptables", "-o", "build", "-q"])).code).toBe(0);
    const sources: unknown = JSON.parse(readFileSync("build/n/sources.json", "utf8"));
    expect(sources).toMatchObject({ services: { "shop/web": { file: name, declaration: "service shop/web" } } });
  });

  it("50 MB are read, or refused with a reason", async () => {
    enterFolder({
      "comments.weir": "# a line of a comment that goes on\n".repeat(1_500_000),
      "line.weir": "x".repeat(50_000_000),
      "line.json": `"${"x".repeat(50_000_000)}"`,
    });
    expect((await weir(["check", "comments.weir"])).code).toBe(0);
    for (const name of ["line.weir", "line.json"]) {
      const { code, stderr } = await weir(["check", name]);
      expect(code).toBeLessThan(2);
      expect(stderr).not.toContain("bug in weir");
      expect(stderr.length).toBeLessThan(10_000);
    }
  }, 120_000);
});
