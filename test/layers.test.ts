import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

/**
 * Which part may know which. The point of it: specs compile without a kernel, a backend cannot look at the spec, and
 * backends cannot come to depend on each other.
 */
interface Layer {
  readonly name: string;
  readonly files: RegExp;
  /** Files of the repository by path, packages by name, parts of Node as `node:fs`. Its own files are always allowed. */
  readonly may: readonly RegExp[];
  /** Allowed in `import type` only. */
  readonly mayTypes?: readonly RegExp[];
}

const shared = [/^compiler\/(net\/[^/]+|source|result)\.ts$/, /^ipaddr\.js$/];
const diagnostics = /^compiler\/diagnostics\//;
const spec = /^compiler\/spec\//;
const ir = /^compiler\/ir\//;
const backendCommon = /^compiler\/backends\/[^/]+\.ts$/;
const pipeline = /^compiler\/pipeline\.ts$/;
const grammar = /^grammar\//;
const hash = /^node:crypto$/;

const layers: readonly Layer[] = [
  { name: "grammar", files: grammar, may: [/^moo$/, /^nearley$/] },
  {
    name: "shared values",
    files: /^compiler\/(net\/[^/]+|source|result)\.ts$/,
    may: [/^ipaddr\.js$/],
    mayTypes: [/^grammar\/nodes\.ts$/],
  },
  { name: "diagnostics", files: diagnostics, may: [...shared, /^fastest-levenshtein$/] },
  {
    name: "syntax",
    files: /^compiler\/syntax\//,
    may: [...shared, diagnostics, grammar, /^nearley$/, /^moo$/],
  },
  {
    name: "spec",
    files: spec,
    may: [...shared, diagnostics, /^zod$/, /^compiler\/syntax\//, /^grammar\/builders\.ts$/],
    mayTypes: [/^grammar\/nodes\.ts$/],
  },
  {
    name: "kubernetes",
    files: /^compiler\/kubernetes\//,
    may: [...shared, diagnostics, spec, /^zod$/, /^yaml$/],
  },
  { name: "ir", files: ir, may: [...shared, diagnostics, spec, hash], mayTypes: [backendCommon] },
  {
    name: "what backends share",
    files: backendCommon,
    may: [...shared, diagnostics, ir, /^compiler\/backends\/[a-z]+\/(backend|simulator)\.ts$/],
    mayTypes: [/^compiler\/spec\/schema\.ts$/, /^compiler\/backends\/[a-z]+\/program\.ts$/],
  },
  ...["iptables", "nftables", "ipvs", "userspace"].map((name) => ({
    name,
    files: new RegExp(`^compiler/backends/${name}/`),
    may: [
      ...shared,
      diagnostics,
      ir,
      backendCommon,
      /^zod$/,
      // the kernel's names of schedulers
      /^compiler\/spec\/words\.ts$/,
      // the rules that lead packets to them are rules of iptables
      ...(name === "ipvs" || name === "userspace" ? [/^compiler\/backends\/iptables\//] : []),
    ],
    mayTypes: [/^compiler\/spec\/schema\.ts$/],
  })),
  {
    name: "pipeline and public API",
    files: /^compiler\/(pipeline|index)\.ts$/,
    may: [/^compiler\/(?!cli\/|artifact\/)/],
  },
  {
    name: "artifact",
    files: /^compiler\/artifact\//,
    may: [...shared, diagnostics, ir, backendCommon, pipeline, hash, /^zod$/],
    mayTypes: [/^compiler\/spec\/schema\.ts$/],
  },
  { name: "verify", files: /^compiler\/verify\//, may: [...shared, diagnostics, ir, backendCommon] },
  {
    name: "diff",
    files: /^compiler\/diff\//,
    // who may claim which addresses is of the spec, and of no node
    may: [...shared, diagnostics, ir, backendCommon, /^compiler\/spec\/guards\.ts$/, /^diff$/, /^zod$/],
    mayTypes: [/^compiler\/spec\/schema\.ts$/],
  },
  {
    name: "expectations",
    files: /^compiler\/expect\//,
    may: [...shared, diagnostics, ir, backendCommon, pipeline],
    mayTypes: [/^compiler\/spec\/schema\.ts$/],
  },
  {
    name: "trace and explain",
    files: /^compiler\/trace\//,
    // how a service's key is written where nft cannot quote it
    may: [...shared, diagnostics, ir, backendCommon, pipeline, /^compiler\/backends\/nftables\/names\.ts$/],
  },
  {
    name: "compiler's commands",
    files: /^compiler\/cli\/(?!git\.ts)/,
    may: [/^compiler\//, /^node:(fs|path|url|buffer|process)$/, /^commander$/, /^picocolors$/],
  },
  {
    name: "revisions of git",
    files: /^compiler\/cli\/git\.ts$/,
    may: [/^compiler\/(pipeline|cli\/exit)\.ts$/, /^node:(child_process|fs|os|path|process)$/],
  },
  {
    name: "runtime",
    files: /^runtime\/(?!cli\/|netlink\/socket\.ts|proxy\/metrics\.ts)/,
    may: [
      /^compiler\/index\.ts$/,
      /^compiler\/(backends|artifact)\//,
      /^compiler\/diagnostics\/visible\.ts$/,
      // reading what `weir compile` wrote, which commands without a kernel do too
      /^compiler\/cli\/node-folder\.ts$/,
      ...shared,
      /^node:/,
      /^picocolors$/,
      /^zod$/,
      /^runtime\/netlink\/socket\.ts$/,
    ],
    mayTypes: [/^compiler\/spec\/schema\.ts$/, /^runtime\/proxy\/metrics\.ts$/],
  },
  {
    name: "the netlink socket",
    files: /^runtime\/netlink\/socket\.ts$/,
    may: [/^netlink$/, /^runtime\/(netlink\/message|host\/error)\.ts$/, /^node:os$/],
  },
  {
    name: "the proxy's metrics",
    files: /^runtime\/proxy\/metrics\.ts$/,
    may: [/^prom-client$/, /^runtime\/proxy\/endpoint\.ts$/],
    mayTypes: [/^runtime\/proxy\//],
  },
  { name: "runtime's commands", files: /^runtime\/cli\//, may: [/^compiler\//, /^runtime\//, /^node:/, /^commander$/] },
  { name: "bin", files: /^bin\//, may: [/^compiler\//, /^runtime\//, /^node:/, /^picocolors$/] },
];

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isType: boolean;
  /** Loaded when first used. */
  readonly isLazy: boolean;
}

function sourcesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name));
}

function importsOf(path: string): readonly Import[] {
  const text = readFileSync(path, "utf8");
  const statements = text.matchAll(
    /^(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/gm,
  );
  return [...statements].map(([, type, fixed, lazy]) => {
    const target = fixed ?? lazy ?? "";
    const to = target.startsWith(".") ? join(dirname(path), target) : target;
    return { from: path, to, isType: type !== undefined, isLazy: lazy !== undefined };
  });
}

const sources = ["grammar", "compiler", "runtime", "bin"].flatMap(sourcesIn);
const matches = (patterns: readonly RegExp[], path: string): boolean => patterns.some((pattern) => pattern.test(path));

function isAllowed(layer: Layer, { to, isType }: Import): boolean {
  return layer.files.test(to) || matches(layer.may, to) || (isType && matches(layer.mayTypes ?? [], to));
}

describe("imports", () => {
  it("finds the sources and their imports", () => {
    expect(sources).toContain("compiler/pipeline.ts");
    const lazy = importsOf("compiler/backends/registry.ts").map(({ to }) => to);
    expect(lazy).toContain("compiler/backends/ipvs/backend.ts");
    expect(importsOf("compiler/ir/ir.ts")).toContainEqual({
      from: "compiler/ir/ir.ts",
      to: "compiler/net/address.ts",
      isType: true,
      isLazy: false,
    });
  });

  it("every file belongs to one layer", () => {
    const homeless = sources.filter((path) => layers.filter((layer) => layer.files.test(path)).length !== 1);
    expect(homeless).toEqual([]);
  });

  it.each(layers)("$name keeps to what it may know", (layer) => {
    const own = sources.filter((path) => layer.files.test(path));
    const wrong = own.flatMap(importsOf).filter((found) => !isAllowed(layer, found));
    expect(wrong).toEqual([]);
  });

  it("nothing but tests knows tests and fixtures", () => {
    expect(sources.flatMap(importsOf).filter(({ to }) => /^(test|fixtures|bench)\//.test(to))).toEqual([]);
  });
});

/** What a file loads when it is imported: itself and its imports, without types and what is imported later. */
function loadedBy(start: string): ReadonlySet<string> {
  const loaded = new Set<string>();
  const waiting = [start];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (loaded.has(path)) continue;
    loaded.add(path);
    if (!sources.includes(path)) continue;
    for (const { to, isType, isLazy } of importsOf(path)) if (!isType && !isLazy) waiting.push(to);
  }
  return loaded;
}

describe("what a short command loads", () => {
  it.each([
    ["bin/weir.ts", ["compiler/pipeline.ts", "ipaddr.js", "zod", "yaml", "nearley"]],
    ["compiler/cli/check.ts", ["zod", "yaml", "nearley", "compiler/kubernetes/read.ts"]],
    ["compiler/spec/from-syntax.ts", ["zod", "yaml"]],
  ])("%s loads nothing slow that it may not need", (start, slow) => {
    const loaded = loadedBy(start);
    expect(loaded.size).toBeGreaterThan(3);
    expect(slow.filter((path) => loaded.has(path))).toEqual([]);
  });
});
