import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseManifest } from "../../../compiler/artifact/manifest.ts";
import { backendNames } from "../../../compiler/backends/registry.ts";
import { enterFolder, weir } from "../../support/command.ts";

const nodes = "node worker-1 {\n  address 192.0.2.11\n}\n\nnode worker-2 {\n  address 192.0.2.12\n}\n";
const web = `
service shop/web {
  vip 10.96.0.10
  port http tcp 80 -> 8080
  endpoint 10.244.1.5 on worker-1
}
`;
const spec = nodes + web;

/** Every file below a folder, by path. */
function filesIn(folder: string): ReadonlyMap<string, string> {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.sort().map((path) => [path, readFileSync(path, "utf8")]));
}

function compile(...args: readonly string[]) {
  return weir(["compile", "a.weir", "--backend", "iptables", ...args]);
}

describe("weir compile", () => {
  it("writes a folder for each node, with all that the manifest lists", async () => {
    enterFolder({ "a.weir": spec });
    expect(await compile("--all-nodes", "-o", "build")).toEqual({
      code: 0,
      stdout: "",
      stderr: "wrote build for 2 nodes: iptables\n",
    });
    expect(readdirSync("build").sort()).toEqual(["worker-1", "worker-2"]);
    const files = filesIn("build/worker-1");
    const manifest = parseManifest(files.get("build/worker-1/manifest.json") ?? "");
    expect(manifest.node).toBe("worker-1");
    const listed = Object.keys(manifest.files).map((path) => `build/worker-1/${path}`);
    expect([...files.keys()]).toEqual([...listed, "build/worker-1/manifest.json"].sort());
    for (const [path, { bytes }] of Object.entries(manifest.files)) {
      expect(Buffer.byteLength(files.get(`build/worker-1/${path}`) ?? "")).toBe(bytes);
    }
  });

  it("lowers for every backend without --backend", async () => {
    enterFolder({ "a.weir": spec });
    const { code } = await weir(["compile", "a.weir", "--node", "worker-1", "-o", "build"]);
    expect(code).toBe(0);
    expect(readdirSync("build/worker-1").sort()).toEqual([...backendNames, "manifest.json", "sources.json"].sort());
  });

  it("is the same bytes each time, wherever the spec is", async () => {
    const folder = enterFolder({ "s/a.weir": nodes, "s/b.weir": web });
    const args = ["--all-nodes", "--backend", "iptables", "-o"];
    await weir(["compile", "s", ...args, "one"]);
    await weir(["compile", join(folder, "s"), ...args, "two"]);
    process.chdir("s");
    await weir(["compile", ".", ...args, "../three"]);
    process.chdir(folder);
    const contents = ["one", "two", "three"].map((name) => [...filesIn(name).values()]);
    expect(contents[1]).toEqual(contents[0]);
    expect(contents[2]).toEqual(contents[0]);
  });

  it("-o - prints every file after its path, and nothing after an error", async () => {
    enterFolder({ "a.weir": spec, "bad.weir": spec + web });
    await compile("--node", "worker-1", "-o", "build");
    const { code, stdout, stderr } = await compile("--node", "worker-1", "-o", "-");
    expect([code, stderr]).toEqual([0, ""]);
    for (const [path, text] of filesIn("build")) {
      expect(stdout).toContain(`==> ${path.slice("build/".length)} <==\n${text}`);
    }
    const bad = await weir(["compile", "bad.weir", "--node", "worker-1", "-o", "-"]);
    expect([bad.code, bad.stdout]).toEqual([1, ""]);
  });

  it("--json lists what was written", async () => {
    enterFolder({ "a.weir": spec });
    const { code, stdout, stderr } = await compile("--all-nodes", "-o", "build", "--json");
    expect([code, stderr]).toEqual([0, ""]);
    const paths = [...filesIn("build").keys()].map((path) => path.slice("build/".length));
    const document: { readonly files: readonly { readonly path: string }[] } = JSON.parse(stdout);
    expect(document.files.map((file) => file.path).sort()).toEqual(paths);
  });

  it("compiles for a node that nothing describes, with a note", async () => {
    enterFolder({ "a.weir": web });
    const { code, stderr } = await compile("--node", "edge", "-o", "build");
    expect(code).toBe(0);
    expect(stderr).toContain("note[spec/undescribed-node]");
    const described = await compile("--node", "edge", "--node-address", "192.0.2.9,2001:db8::9", "-o", "build", "-q");
    expect(described).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("shows progress on a terminal and none elsewhere", async () => {
    enterFolder({ "a.weir": spec });
    const args = ["compile", "a.weir", "--backend", "iptables", "--all-nodes", "-o", "build"];
    expect((await weir(args, { isTerminal: true })).stderr).toContain("\r\u001b[Kcompiling for worker-2 (2 of 2)");
    expect((await weir([...args, "-q"], { isTerminal: true })).stderr).toBe("");
  });
});

describe("the folder", () => {
  it("keeps other nodes with --node, and drops those that are gone with --all-nodes", async () => {
    enterFolder({ "a.weir": spec });
    await compile("--all-nodes", "-o", "build");
    const before = filesIn("build/worker-2");
    writeFileSync("a.weir", spec.replace("8080", "8081"));
    await compile("--node", "worker-1", "-o", "build");
    expect(readFileSync("build/worker-1/iptables/ipv4.rules", "utf8")).toContain("8081");
    expect(filesIn("build/worker-2")).toEqual(before);
    writeFileSync("a.weir", spec.replace(/node worker-2 \{[^}]*\}/, ""));
    await compile("--all-nodes", "-o", "build");
    expect(readdirSync("build")).toEqual(["worker-1"]);
  });

  it("is as it was when a backend cannot do what the spec says", async () => {
    enterFolder({ "a.weir": spec });
    await compile("--all-nodes", "-o", "build");
    const before = filesIn("build");
    writeFileSync("a.weir", spec.replace("vip ", "forward tunnel\n  vip "));
    const { code, stderr } = await compile("--all-nodes", "-o", "build");
    expect(code).toBe(1);
    expect(stderr).toContain("error[lower/");
    expect(filesIn("build")).toEqual(before);
    expect(readdirSync("build")).not.toContain(".weir-staging");
    expect((await compile("--all-nodes", "-o", "fresh")).code).toBe(1);
    expect(readdirSync(".")).not.toContain("fresh");
  });

  it.each([
    ["a folder of someone else", (): void => writeFile("build/src/main.c")],
    ["a file of someone else", (): void => writeFile("build/notes.txt")],
    ["a manifest of someone else", (): void => writeFile("build/web/manifest.json", '{"name": "app"}')],
  ])("with %s is refused", async (_, prepare) => {
    enterFolder({ "a.weir": spec });
    prepare();
    const before = filesIn("build");
    const { code, stderr } = await compile("--all-nodes", "-o", "build");
    expect(code).toBe(2);
    expect(stderr).toContain("which weir did not write");
    expect(filesIn("build")).toEqual(before);
  });

  it("may exist, be empty, and hold hidden files", async () => {
    enterFolder({ "a.weir": spec, "build/.gitkeep": "" });
    expect((await compile("--all-nodes", "-o", "build")).code).toBe(0);
    expect(readdirSync("build").sort()).toEqual([".gitkeep", "worker-1", "worker-2"]);
  });

  it("may be a link to a folder", async () => {
    enterFolder({ "a.weir": spec, "real/.gitkeep": "" });
    symlinkSync("real", "build");
    expect((await compile("--node", "worker-1", "-o", "build")).code).toBe(0);
    expect(readdirSync("real").sort()).toEqual([".gitkeep", "worker-1"]);
  });

  it("is not written by two at once", async () => {
    enterFolder({ "a.weir": spec, "build/.weir-staging/owner": `${process.ppid}\n` });
    const { code, stderr } = await compile("--all-nodes", "-o", "build");
    expect(code).toBe(2);
    expect(stderr).toContain(`process ${process.ppid} is writing build at the moment`);
  });

  const gone = 2 ** 22 + 1; // beyond the largest process number of Linux

  it("is cleaned up after a run that was killed while it wrote", async () => {
    enterFolder({ "a.weir": spec });
    await compile("--all-nodes", "-o", "build");
    const before = filesIn("build");
    writeFile("build/.weir-staging/owner", `${gone}\n`);
    writeFile("build/.weir-staging/new/worker-1/manifest.json", "{");
    expect((await compile("--all-nodes", "-o", "build")).code).toBe(0);
    expect(filesIn("build")).toEqual(before);
  });

  it("is finished after a run that was killed while it moved", async () => {
    enterFolder({ "a.weir": spec, "b.weir": spec.replace("8080", "8081"), "c.weir": nodes });
    await compile("--all-nodes", "-o", "build");
    const before = filesIn("build");
    await weir(["compile", "b.weir", "--backend", "iptables", "--all-nodes", "-o", "next"]);
    // worker-1 is moved, worker-2 is not, and a node that has left the spec waits to go
    mkdirSync("build/.weir-staging/new", { recursive: true });
    mkdirSync("build/.weir-staging/old");
    writeFile("build/.weir-staging/owner", `${gone}\n`);
    writeFile("build/.weir-staging/leaving", "worker-1\nworker-2\nworker-3");
    renameSync("build/worker-1", "build/.weir-staging/old/worker-1");
    renameSync("next/worker-1", "build/worker-1");
    renameSync("next/worker-2", "build/.weir-staging/new/worker-2");
    const { code } = await weir(["compile", "c.weir", "--backend", "iptables", "--node", "worker-9", "-o", "build"]);
    expect(code).toBe(0);
    expect(readdirSync("build").sort()).toEqual(["worker-1", "worker-2", "worker-9"]);
    for (const node of ["worker-1", "worker-2"]) {
      const rules = readFileSync(`build/${node}/iptables/ipv4.rules`, "utf8");
      expect(rules).toContain("8081");
      expect(rules).not.toBe(before.get(`build/${node}/iptables/ipv4.rules`));
    }
  });
});

function writeFile(path: string, text = "x"): void {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
}
