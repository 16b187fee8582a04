import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TroubleError } from "../../../compiler/cli/exit.ts";
import type { Io } from "../../../compiler/cli/io.ts";
import { type LoadedFiles, loadFiles, sniffLanguage } from "../../../compiler/cli/load.ts";
import { findInputs } from "../../../compiler/cli/paths.ts";
import { enterFolder } from "../../support/command.ts";

const output = { isTerminal: false, write: async () => {} };

function load(paths: readonly string[], stdin = "", stdinName: string | null = null): Promise<LoadedFiles> {
  const io: Io = { stdout: output, stderr: output, readStdin: async () => Buffer.from(stdin), environment: {} };
  return loadFiles(paths, stdinName, io);
}

function found(...paths: readonly string[]): readonly string[] {
  return findInputs(paths, null).inputs.map((input) => input.shown);
}

function codes(loaded: LoadedFiles): readonly string[] {
  return loaded.diagnostics.map((finding) => finding.code);
}

function read(loaded: LoadedFiles): readonly string[] {
  return loaded.files.map((file) => file.path);
}

function service(name: string): string {
  return `service ${name} {\n  vip 10.96.0.1\n  port tcp 80\n}\n`;
}

describe("folders", () => {
  it("hold what they hold, by path, without hidden files and node_modules", () => {
    const names = ["b.weir", "a/z.yaml", "a/b.json", "a.yml", "B.weir", "c.txt", ".h.weir", ".git/x.weir"];
    enterFolder(Object.fromEntries([...names, "node_modules/p/x.weir"].map((name) => [name, ""])));
    const expected = ["B.weir", "a.yml", "a/b.json", "a/z.yaml", "b.weir"];
    expect(found(".")).toEqual(expected);
    expect(found("./")).toEqual(expected);
    expect(found("./b.weir", "a")).toEqual(["b.weir", "a/b.json", "a/z.yaml"]);
  });

  it("count a file once, whatever leads to it", () => {
    const folder = enterFolder({ "s/a.weir": "", "s/b/c.weir": "" });
    symlinkSync("a.weir", "s/link.weir");
    symlinkSync("b", "s/again");
    symlinkSync("..", "s/b/up");
    expect(found("s", "s/a.weir", join(folder, "s"))).toEqual(["s/a.weir", "s/again/c.weir"]);
  });

  it("refuse links that leave them, and go on", () => {
    enterFolder({ "s/a.weir": "", "out/secret.weir": "" });
    symlinkSync("../out/secret.weir", "s/b.weir");
    symlinkSync("../out", "s/sub");
    symlinkSync("/etc/passwd", "s/c.txt");
    const result = findInputs(["s"], null);
    expect(result.inputs.map((input) => input.shown)).toEqual(["s/a.weir"]);
    const messages = result.diagnostics.map((finding) => finding.message).sort();
    expect(messages).toEqual([
      "s/b.weir is a symbolic link out of the folder that was given",
      "s/sub is a symbolic link out of the folder that was given",
    ]);
  });

  it("without a spec, missing, or with a dangling link are trouble", () => {
    enterFolder({ "empty/readme.txt": "", "d/a.weir": "" });
    symlinkSync("nowhere.weir", "d/b.weir");
    expect(() => found("empty")).toThrow("there is no .weir, .yaml, .yml or .json file in empty");
    expect(() => found("missing.weir")).toThrow("cannot read missing.weir: no such file or folder");
    expect(() => found("empty/readme.txt/x")).toThrow(
      "cannot read empty/readme.txt/x: a part of the path is no folder",
    );
    expect(() => found("d")).toThrow(TroubleError);
  });
});

describe("what a file holds", () => {
  it.each([
    ["zero bytes", Buffer.from("service a/b\0{"), "input/binary", "holds a zero byte", 11],
    ["a byte that is no UTF-8", Buffer.from("a\u00e9\ufffdb\xff", "latin1"), "input/not-utf8", "at byte 1", 1],
    [
      "one after a mark and a real U+FFFD",
      Buffer.from([0xef, 0xbb, 0xbf, 0xef, 0xbf, 0xbd, 65, 0x80]),
      "input/not-utf8",
      "at byte 7",
      2,
    ],
    ["UTF-16", Buffer.from("\ufeffservice", "utf16le"), "input/binary", "zero byte", 3],
  ])("%s is a finding at its place", async (_, content, code, message, start) => {
    enterFolder({ "a.weir": content, "b.weir": service("shop/b") });
    const loaded = await load(["a.weir", "b.weir"]);
    expect(codes(loaded)).toEqual([code]);
    expect(loaded.diagnostics[0]?.message).toContain(message);
    expect(loaded.diagnostics[0]?.location?.start).toBe(start);
    expect(loaded.fragments).toHaveLength(1);
  });

  it("may begin with a byte order mark", async () => {
    enterFolder({ "a.weir": `\ufeff${service("shop/a")}` });
    const loaded = await load(["a.weir"]);
    expect(loaded.fragments[0]?.services.map((each) => each.name)).toEqual(["shop/a"]);
  });

  it("tells its language where its name does not", () => {
    expect(sniffLanguage(' \n{"kind": "List"}')).toBe("objects");
    expect(sniffLanguage("# x\napiVersion: v1\nkind: Service\n")).toBe("objects");
    expect(sniffLanguage("---\n")).toBe("objects");
    expect(sniffLanguage(service("shop/kind"))).toBe("weir");
    expect(sniffLanguage("")).toBe("weir");
  });

  it("is found out for standard input, unless its name tells", async () => {
    enterFolder();
    const yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";
    expect((await load(["-"], yaml)).diagnostics.filter((finding) => finding.severity === "error")).toEqual([]);
    expect((await load(["-"], service("shop/a"))).fragments[0]?.services).toHaveLength(1);
    const named = await load(["-"], yaml, "x.weir");
    expect(read(named)).toEqual(["x.weir"]);
    expect(codes(named).some((code) => code.startsWith("syntax/"))).toBe(true);
  });
});

describe("includes", () => {
  it("are read once, in the order of their paths, relative to the including file", async () => {
    enterFolder({
      "main.weir": 'include "regions/*.weir"\ninclude "regions/b.weir"\ninclude "deep/**/*.weir"\n',
      "regions/b.weir": 'include "../common.weir"\n',
      "regions/a.weir": 'include "../common.weir"\n',
      "regions/.hidden.weir": "service broken",
      "common.weir": service("shop/common"),
      "deep/1/2/x.weir": "",
      "deep/y.weir": "",
    });
    const loaded = await load(["main.weir"]);
    expect(codes(loaded)).toEqual([]);
    expect(read(loaded)).toEqual([
      "main.weir",
      "regions/a.weir",
      "common.weir",
      "regions/b.weir",
      "deep/1/2/x.weir",
      "deep/y.weir",
    ]);
  });

  it("of a wildcard leave the including file out", async () => {
    enterFolder({ "a.weir": 'include "*.weir"\n', "b.weir": "" });
    const loaded = await load(["a.weir"]);
    expect([codes(loaded), read(loaded)]).toEqual([[], ["a.weir", "b.weir"]]);
  });

  it("that go round in a circle are an error with the whole circle", async () => {
    enterFolder({
      "a.weir": 'include "b.weir"\n',
      "b.weir": 'include "c.weir"\n',
      "c.weir": '# back\ninclude "b.weir"\n',
      "self.weir": 'include "self.weir"\n',
    });
    const loaded = await load(["a.weir", "self.weir"]);
    expect(loaded.diagnostics.map((finding) => [finding.message, finding.location?.file.path])).toEqual([
      ["includes go round in a circle: b.weir -> c.weir -> b.weir", "c.weir"],
      ["includes go round in a circle: self.weir -> self.weir", "self.weir"],
    ]);
  });

  it.each([
    "/etc/hosts.weir",
    "../outside.weir",
    "../*.weir",
    "sub/../../outside.weir",
    "*/../../outside.weir",
    "link.weir",
    "li*.weir",
    "linked/outside.weir",
    "linked/*.weir",
    "../nothing.weir",
    "linked/nothing.weir",
    "linked/nothing/*.weir",
    "lin*/*.weir",
  ])("%s leads out of the root", async (pattern) => {
    enterFolder({ "spec/a.weir": `include "${pattern}"\n`, "spec/sub/x.weir": "", "outside.weir": "secret" });
    symlinkSync("../outside.weir", "spec/link.weir");
    symlinkSync("..", "spec/linked");
    const loaded = await load(["spec/a.weir"]);
    expect(codes(loaded)).toEqual(["input/include-outside"]);
    expect(read(loaded)).toEqual(["spec/a.weir"]);
  });

  it("may climb inside a folder that was given", async () => {
    enterFolder({ "spec/sub/a.weir": 'include "../b.weir"\n', "spec/b.weir": "" });
    expect(codes(await load(["spec"]))).toEqual([]);
    expect(codes(await load(["spec/sub/a.weir"]))).toEqual(["input/include-outside"]);
  });

  it.each([
    ["nothing.weir", "no file matches", "relative to the folder specs"],
    ["*.yaml", "no file matches", "relative to the folder specs"],
    ["notes.txt", "no file matches", "no spec"],
    ["sub", "no file matches", "relative to the folder specs"],
  ])("%s matches nothing", async (pattern, message, help) => {
    enterFolder({ "specs/a.weir": `include "${pattern}"\n`, "specs/notes.txt": "", "specs/sub/x.weir": "" });
    const loaded = await load(["specs/a.weir"]);
    expect(codes(loaded)).toEqual(["input/include-unmatched"]);
    expect(loaded.diagnostics[0]?.message).toContain(message);
    expect(loaded.diagnostics[0]?.help).toContain(help);
  });

  it("are at most sixteen deep", async () => {
    const names = Array.from({ length: 18 }, (_, at) => `${at}.weir`);
    enterFolder(Object.fromEntries(names.map((name, at) => [name, `include "${at + 1}.weir"\n`])));
    writeFileSync("17.weir", "");
    const loaded = await load(["0.weir"]);
    expect(codes(loaded)).toEqual(["input/include-too-deep"]);
    expect(read(loaded)).toHaveLength(17);
    expect(codes(await load(["1.weir"]))).toEqual([]);
  });

  it("of standard input are relative to the folder of its name", async () => {
    enterFolder({ "specs/b.weir": "", "c.weir": "" });
    expect(read(await load(["-"], 'include "b.weir"\n', "specs/a.weir"))).toEqual(["specs/a.weir", "specs/b.weir"]);
    expect(read(await load(["-"], 'include "c.weir"\n'))).toEqual(["<stdin>", "c.weir"]);
  });
});

describe("paths inside the spec", () => {
  it("do not tell where it was compiled", async () => {
    const folder = enterFolder({ "s/a.weir": "", "s/b/c.weir": "", "t/a.weir": "" });
    const pathsOf = async (...inputs: readonly string[]): Promise<readonly string[]> => {
      const loaded = await load(inputs);
      return loaded.files.map(loaded.pathInSpec);
    };
    expect(await pathsOf("s")).toEqual(["a.weir", "b/c.weir"]);
    expect(await pathsOf(join(folder, "s"))).toEqual(["a.weir", "b/c.weir"]);
    expect(await pathsOf("s/b/c.weir")).toEqual(["c.weir"]);
    expect(await pathsOf("s", "t/a.weir")).toEqual(["s/a.weir", "s/b/c.weir", "t/a.weir"]);
  });

  it("a folder that is too deep is trouble", () => {
    enterFolder();
    const deep = Array.from({ length: 40 }, () => "d").join("/");
    mkdirSync(deep, { recursive: true });
    expect(() => found(".")).toThrow("more than 32 folders deep");
    rmSync("d", { recursive: true });
  });
});
