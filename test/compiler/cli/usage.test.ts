import { describe, expect, it } from "vitest";
import { enterFolder, weir } from "../../support/command.ts";

describe("wrong usage", () => {
  it.each([
    [[]],
    [["chek", "a.weir"]],
    [["check"]],
    [["check", "--nonsense", "a.weir"]],
    [["check", "--format", "xml", "a.weir"]],
    [["check", "--color", "pink", "a.weir"]],
    [["check", "--backend", "pf", "a.weir"]],
    [["check", "--backend", ",", "a.weir"]],
    [["check", "--node", "../x", "a.weir"]],
    [["check", "--node", "a", "--node", "b", "--node-zone", "z", "a.weir"]],
    [["check", "--node", "a", "--node-address", "10.0.0.300", "a.weir"]],
    [["check", "--node", "a", "--node-pods", "10.0.0.1/8", "a.weir"]],
    [["check", "--node-pods", "10.0.0.0/8", "a.weir"]],
    [["fmt", "b.yaml"]],
    [["convert", "a.weir"]],
    [["convert", "--to", "xml", "a.weir"]],
    [["compile", "a.weir"]],
    [["compile", "a.weir", "-o", "x"]],
    [["compile", "a.weir", "-o", "x", "--node", "n", "--all-nodes"]],
    [["compile", "a.weir", "-o", "x", "--all-nodes"]],
    [["compile", "a.weir", "-o", "-", "--json", "--node", "n"]],
    [["compile", "a.weir", "-o", "", "--node", "n"]],
    [["completion"]],
    [["completion", "tcsh"]],
  ])("%j ends with 64, with words on standard error alone", async (args) => {
    enterFolder({ "a.weir": "", "b.yaml": "" });
    const { code, stdout, stderr } = await weir(args);
    expect([code, stdout]).toEqual([64, ""]);
    expect(stderr).not.toBe("");
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it("suggests the command that was meant", async () => {
    expect((await weir(["chekc", "a.weir"])).stderr).toContain("Did you mean check?");
  });

  it("suggests the node that was meant", async () => {
    enterFolder({ "a.weir": "node worker-1 {\n}\n" });
    const { code, stderr } = await weir(["compile", "a.weir", "--node", "wroker-1", "-o", "-"]);
    expect([code, stderr]).toEqual([0, expect.stringContaining("did you mean `worker-1`?")]);
  });
});

describe("trouble", () => {
  it.each([
    [["check", "missing.weir"], "cannot read missing.weir: no such file or folder"],
    [["check", "empty"], "there is no .weir, .yaml, .yml or .json file in empty"],
    [
      ["compile", "a.weir", "--node", "n", "-o", "a.weir/build"],
      "cannot write a.weir/build: a part of the path is no folder",
    ],
    [["compile", "a.weir", "--node", "n", "-o", "a.weir"], "cannot write a.weir: there is a file of that name"],
    [["fmt", "missing.weir"], "cannot read missing.weir: no such file or folder"],
    [["convert", "--to", "k8s", "missing.weir"], "cannot read missing.weir"],
  ])("%j ends with 2", async (args, message) => {
    enterFolder({ "a.weir": "", "empty/x.txt": "" });
    const { code, stdout, stderr } = await weir(args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(`error: ${message}`);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

describe("help", () => {
  it("is a result: on standard output, with 0", async () => {
    const { code, stdout, stderr } = await weir(["--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const command of ["check", "fmt", "convert", "compile", "completion"])
      expect(stdout).toContain(`  ${command} `);
  });

  it.each(["check", "fmt", "convert", "compile", "completion"])("of %s has examples", async (command) => {
    const { code, stdout } = await weir([command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`Examples:\n  $ `);
    expect(stdout).toContain(`weir ${command} `);
  });

  it("tells the version of the package", async () => {
    expect(await weir(["--version"])).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: "",
    });
  });
});
