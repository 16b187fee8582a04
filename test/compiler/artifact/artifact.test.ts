import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { artifactOf, assembleArtifact } from "../../../compiler/artifact/artifact.ts";
import { digestOf, digestOfSpec } from "../../../compiler/artifact/digest.ts";
import { inlineJson, writeJson } from "../../../compiler/artifact/json-lines.ts";
import { parseManifest } from "../../../compiler/artifact/manifest.ts";
import { sourcesFile } from "../../../compiler/artifact/sources.ts";
import type { BackendName, NamedObject } from "../../../compiler/backends/backend.ts";
import { TextWriter, textOf } from "../../../compiler/backends/text.ts";
import { fragmentOf, irOf, specOf } from "../../../compiler/pipeline.ts";
import { InternalError } from "../../../compiler/result.ts";
import type { Spec } from "../../../compiler/spec/schema.ts";

const node = "node worker-1 {\n  address 192.0.2.11, 192.0.2.1\n}\n";
const web = "service shop/web {\n  vip 10.96.0.10\n  port http tcp 80\n  endpoint 10.0.0.1\n  endpoint 10.0.0.2\n}\n";
const dns = "service shop/dns {\n  vip 10.96.0.53\n  port udp 53\n}\n";

async function specOfTexts(...texts: readonly string[]): Promise<Spec> {
  const read = await Promise.all(texts.map((text, at) => fragmentOf({ path: `${at}.weir`, text }, "weir")));
  return specOf(read.map((each) => each.fragment)).spec;
}

describe("the digest of a spec", () => {
  it("is that of its meaning, not of its text", async () => {
    const digest = digestOfSpec(await specOfTexts(node, web, dns));
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(digestOfSpec(await specOfTexts(`# a comment\n${dns}\n\n${web}`, node))).toBe(digest);
    const turned = web.replace(/( {2}endpoint 10\.0\.0\.1\n)( {2}endpoint 10\.0\.0\.2\n)/, "$2$1");
    expect(digestOfSpec(await specOfTexts(node, turned, dns))).toBe(digest);
  });

  it.each([
    ["10.0.0.2", "10.0.0.3"],
    ["endpoint 10.0.0.2", "endpoint 10.0.0.2 weight 2"],
    ["tcp 80", "tcp 80 -> 8080"],
    ["192.0.2.11, 192.0.2.1", "192.0.2.1, 192.0.2.11"],
    ["shop/dns", "shop/dns2"],
  ])("changes when %s becomes %s", async (from, to) => {
    const digest = digestOfSpec(await specOfTexts(node, web, dns));
    const changed = [node, web, dns].map((text) => text.replace(from, to));
    expect(digestOfSpec(await specOfTexts(...changed))).not.toBe(digest);
  });
});

describe("an artifact", () => {
  const pathInSpec = (): string => "shop.weir";
  const backends: readonly BackendName[] = ["iptables", "nftables"];

  it("lists in its manifest every other file, with its size and digest", async () => {
    const spec = await specOfTexts(node, web);
    const { ir } = irOf(spec, "worker-1");
    const { files } = await artifactOf(ir, { backends, specDigest: digestOfSpec(spec), pathInSpec });
    const last = files.at(-1);
    expect(last?.path).toBe("manifest.json");
    const manifest = parseManifest(last === undefined ? "" : textOf(last));
    expect(Object.keys(manifest.requirements)).toEqual(["iptables", "nftables"]);
    expect(Object.keys(manifest.files)).toEqual(files.slice(0, -1).map((file) => file.path));
    for (const file of files.slice(0, -1)) {
      const text = textOf(file);
      expect(manifest.files[file.path]).toEqual({
        bytes: Buffer.byteLength(text),
        digest: `sha256:${createHash("sha256").update(text).digest("hex")}`,
      });
    }
  });

  it("has no file when a backend refuses, and says why", async () => {
    const spec = await specOfTexts(node, web.replace("vip", "forward tunnel\n  vip"));
    const { ir } = irOf(spec, "worker-1");
    const { files, diagnostics } = await artifactOf(ir, { backends, specDigest: digestOfSpec(spec), pathInSpec });
    expect(files).toEqual([]);
    expect(diagnostics.length).toBeGreaterThan(1);
    const put: string[] = [];
    const options = { backends, specDigest: digestOfSpec(spec), pathInSpec };
    await assembleArtifact(ir, options, (file) => put.push(file.path));
    expect(put).toEqual([]);
  });

  it("tells where services and names come from, one on each line", async () => {
    const { ir } = irOf(await specOfTexts(node, web), "worker-1");
    const names = new Map<BackendName, readonly NamedObject[]>([
      [
        "iptables",
        [
          { name: "A", key: "shop/web:http" },
          { name: "A", key: "shop/web:http" },
          { name: "B", key: null },
        ],
      ],
      ["ipvs", []],
    ]);
    expect(textOf(sourcesFile(ir, names, pathInSpec)).split("\n")).toEqual([
      "{",
      '  "format": 1,',
      '  "services": {',
      '    "shop/web": { "file": "shop.weir", "declaration": "service shop/web" }',
      "  },",
      '  "names": {',
      '    "iptables": {',
      '      "A": "shop/web:http",',
      '      "B": null',
      "    },",
      '    "ipvs": {}',
      "  }",
      "}",
      "",
    ]);
    const clash = new Map<BackendName, readonly NamedObject[]>([
      [
        "ipvs",
        [
          { name: "A", key: "shop/web:http" },
          { name: "A", key: null },
        ],
      ],
    ]);
    expect(() => sourcesFile(ir, clash, pathInSpec)).toThrow(InternalError);
  });
});

describe("manifests of others", () => {
  const good = {
    format: 1,
    node: "worker-1",
    addresses: ["192.0.2.11"],
    spec: digestOf([]),
    requirements: {},
    files: { "nftables/ruleset.nft": { bytes: 0, digest: digestOf([]) } },
  };

  it("are taken when they fit", () => {
    expect(parseManifest(JSON.stringify(good))).toEqual(good);
  });

  it("may be older than the node's addresses in them", () => {
    const { addresses: _addresses, ...older } = good;
    expect(parseManifest(JSON.stringify(older))).toEqual({ ...good, addresses: [] });
  });

  it.each([
    ["another format", { ...good, format: 2 }],
    ["a member that nobody knows", { ...good, extra: true }],
    ["a path that climbs", { ...good, files: { "../x": { bytes: 0, digest: digestOf([]) } } }],
    ["an absolute path", { ...good, files: { "/etc/x": { bytes: 0, digest: digestOf([]) } } }],
    ["a digest of another kind", { ...good, spec: "md5:00" }],
    ["an unknown backend", { ...good, requirements: { pf: [] } }],
    ["a list", []],
  ])("are refused for %s", (_, manifest) => {
    expect(() => parseManifest(JSON.stringify(manifest))).toThrow();
  });
});

describe("JSON with one fact on each line", () => {
  it("reads back as the same value at every depth", () => {
    const value = { a: [1, { b: null }, []], c: {}, 'd"': "e\nf", g: { h: { i: [true] } } };
    for (let depth = 0; depth < 5; depth++) {
      const text = new TextWriter();
      writeJson(text, value, depth);
      expect(JSON.parse(textOf(text.file("x")))).toEqual(value);
    }
    expect(inlineJson(value)).toBe(
      '{ "a": [1, { "b": null }, []], "c": {}, "d\\"": "e\\nf", "g": { "h": { "i": [true] } } }',
    );
  });
});
