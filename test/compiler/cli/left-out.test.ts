import { cpSync, rmSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { enterFolder, weir } from "../../support/command.ts";

const service = "service shop/web {\n  vip 10.96.0.10\n  port tcp 80\n  endpoint 10.244.1.5\n}\n";

function object(name: string): string {
  const spec = "spec: {clusterIP: 10.96.0.11, ports: [{port: 80}]}";
  return `apiVersion: v1\nkind: Service\nmetadata: {namespace: shop, name: ${name}}\n${spec}\n`;
}

interface Findings {
  readonly code: number;
  readonly codes: readonly string[];
  readonly messages: string;
}

async function check(...paths: readonly string[]): Promise<Findings> {
  const { code, stdout } = await weir(["check", "--json", ...paths]);
  const { diagnostics }: { diagnostics: readonly { code: string; message: string }[] } = JSON.parse(stdout);
  return {
    code,
    codes: diagnostics.map((each) => each.code),
    messages: diagnostics.map(({ message }) => message).join("\n"),
  };
}

describe("files of a folder that are no specs", () => {
  it.each([
    ["a mapping", "values.yaml", "replicas: 3\n"],
    ["a list", "values.yml", "- name: web\n- name: db\n"],
    ["a word", "word.yaml", "hello\n"],
    ["several documents", "many.yaml", "a: 1\n---\nb: 2\n"],
    ["JSON", "package.json", '{"name": "shop", "private": true}\n'],
    ["what is no YAML", "chart.yaml", "port: {{ .Values.port }}\nimage: {\n"],
    ["JSON with comments", "tsconfig.json", '{ // strict\n  "strict": true }\n'],
  ])("are left out with a note: %s", async (_, name, text) => {
    enterFolder({ "s/a.weir": service, [`s/${name}`]: text });
    const found = await check("s");
    expect(found).toMatchObject({ code: 0, codes: ["input/left-out"] });
    expect(found.messages).toContain(`s/${name}`);
  });

  it.each([
    ["an object that is broken", `${object("api")}  x: [\n`, "kubernetes/invalid-yaml"],
    ["an object that is broken JSON", '{"apiVersion": "v1", "kind": "Service"\n', "kubernetes/invalid-json"],
    ["an object without kind", object("api").replace(/^kind.*\n/m, ""), "kubernetes/not-an-object"],
    ["one with neither kind nor version", "metadata: {name: api}\nspec: {}\n", "kubernetes/not-an-object"],
    ["a key in another case", "Kind: Service\nspec: {}\n", "kubernetes/not-an-object"],
    ["an object beside something else", `${object("api")}---\na: 1\n`, "kubernetes/not-an-object"],
    [
      "a list whose kind is lost",
      `items:\n- ${object("api").trim().replaceAll("\n", "\n  ")}\n`,
      "kubernetes/not-an-object",
    ],
    ["a bare list with one object", `- a: 1\n- {kind: Service}\n`, "kubernetes/not-an-object"],
  ])("are not %s", async (_, text, code) => {
    enterFolder({ "s/a.weir": service, "s/api.yaml": text });
    const found = await check("s");
    expect(found.code).toBe(1);
    expect(found.codes).toContain(code);
    expect(found.codes).not.toContain("input/left-out");
  });

  it("are errors where they are named, before or after the folder, or by an include", async () => {
    enterFolder({
      "s/a.weir": service,
      "s/values.yaml": "a: 1\n",
      "t/z.weir": 'include "values.yaml"\n',
      "t/values.yaml": "a: 1\n",
    });
    for (const paths of [["s/values.yaml"], ["s", "s/values.yaml"], ["s/values.yaml", "s"], ["t"]]) {
      expect(await check(...paths)).toMatchObject({ code: 1, codes: ["kubernetes/not-an-object"] });
    }
  });

  it("are trouble when there is nothing else", async () => {
    enterFolder({ "s/values.yaml": "a: 1\n" });
    expect(await weir(["check", "s"])).toMatchObject({
      code: 2,
      stderr: "error: there is no spec: s/values.yaml holds no Kubernetes object\n",
    });
  });

  it("are told of by commands that list no findings, unless they write JSON", async () => {
    enterFolder({ "s/a.weir": service, "s/values.yaml": "a: 1\n" });
    const trace = ["trace", "s", "--node", "n", "--node-address", "192.0.2.1", "tcp", "10.0.0.1", "10.96.0.10:80"];
    for (const words of [trace, ["explain", "10.96.0.10:80", "s", "--node", "n"], ["diff", "s", "s"]]) {
      expect((await weir(words)).stderr).toContain("s/values.yaml");
    }
    expect((await weir([...trace, "--json"])).stderr).toBe("");
  });
});

describe("compiled folders", () => {
  const build = ["compile", "shop.weir", "--node", "n", "-o"];

  it("are left out, and what else is in them is not", async () => {
    enterFolder({ "shop.weir": service });
    await weir([...build, "s/build"]);
    cpSync("shop.weir", "s/shop.weir");
    expect(await check("s")).toMatchObject({ code: 0, codes: ["input/compiled-folder"] });
    for (const name of ["more.weir", "more.yaml", "nftables/more.json"]) {
      writeFileSync(`s/build/n/${name}`, "kind: 1\n");
      const found = await check("s");
      expect([name, found.code]).toEqual([name, 1]);
      rmSync(`s/build/n/${name}`);
    }
  });

  it("are no specs", async () => {
    enterFolder({ "shop.weir": service });
    await weir([...build, "build"]);
    const { code, stderr } = await weir(["check", "build"]);
    expect(code).toBe(2);
    expect(stderr).toContain("what weir compiled into build/n is none");
  });

  it("beside specs leave it open what is meant", async () => {
    enterFolder({ "shop.weir": service });
    await weir([...build, "build"]);
    cpSync("build/n", "n", { recursive: true });
    const packet = ["tcp", "10.0.0.1", "10.96.0.10:80"];
    const both = await weir(["trace", ".", "--node", "n", ...packet]);
    expect(both).toMatchObject({ code: 2, stdout: "" });
    expect(both.stderr).toContain("shop.weir or n");
    for (const path of ["shop.weir", "n"]) {
      expect(await weir(["trace", path, "--node", "n", ...packet])).toMatchObject({ code: 0 });
    }
  });

  it("are told from Kubernetes objects in a file called manifest.json", async () => {
    const text =
      '{"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "shop", "name": "web"}, "spec": {"clusterIP": "10.96.0.10", "ports": [{"port": 80}]}}';
    enterFolder({ "s/manifest.json": text, "broken/manifest.json": text.slice(1) });
    const packet = ["tcp", "10.0.0.1", "10.96.0.10:80"];
    expect(await weir(["trace", "s", "--node", "n", ...packet])).toMatchObject({ code: 0 });
    const broken = await weir(["trace", "broken", "--node", "n", ...packet]);
    expect(broken.code).toBe(1);
    expect(broken.stderr).toContain("broken/manifest.json:1");
  });
});
