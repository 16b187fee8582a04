import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { temporaryFolder, weir } from "../../support/command.ts";

async function scriptFor(shell: string): Promise<string> {
  const { code, stdout, stderr } = await weir(["completion", shell]);
  expect([code, stderr]).toEqual([0, ""]);
  return stdout;
}

/** What bash offers for a command line whose last word is being typed. */
function offered(script: string, words: readonly string[]): readonly string[] {
  const ask = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weir; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const ended = spawnSync("bash", ["-c", `${script}\n${ask}`, "bash", ...words], {
    cwd: temporaryFolder(),
    encoding: "utf8",
  });
  expect(ended.stderr).toBe("");
  return ended.stdout.split("\n").filter((line) => line !== "");
}

describe("completion", () => {
  it.each([
    [
      ["weir", "c"],
      ["check", "convert", "compile", "completion"],
    ],
    [
      ["weir", "check", "--no"],
      ["--node", "--node-address", "--node-pods", "--node-zone"],
    ],
    [
      ["weir", "check", "--format", ""],
      ["text", "json", "github", "sarif"],
    ],
    [["weir", "--color", "check", "--format", "s"], ["sarif"]],
    [
      ["weir", "convert", "--to", ""],
      ["weir", "k8s"],
    ],
    [["weir", "completion", ""], expect.arrayContaining(["bash", "zsh", "fish"])],
    [["weir", "--json", "convert", "--t"], ["--to"]],
    [["weir", "check", "shop"], []],
  ])("bash: %j", async (words, expected) => {
    expect(offered(await scriptFor("bash"), words)).toEqual(expected);
  });

  it.each([
    ["zsh", ["-n"]],
    ["fish", ["--no-execute"]],
  ])("%s accepts its script, where it is installed", async (shell, options) => {
    const script = await scriptFor(shell);
    for (const word of ["check", "fmt", "convert", "compile", "completion"]) expect(script).toContain(word);
    const ended = spawnSync(shell, [...options, "/dev/stdin"], { input: script, encoding: "utf8" });
    if (ended.error === undefined) expect([ended.status, ended.stderr]).toEqual([0, ""]);
  });
});
