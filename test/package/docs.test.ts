import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { builtWeir, runProgram } from "../support/built.ts";
import { temporaryFolder } from "../support/command.ts";
import { blocks, examplesOf, matches } from "../support/console.ts";

/**
 * Every command line that the documents show is run, in a copy of docs/examples. Blocks marked `console` hold lines
 * with `$ ` and what they print; a line of `...` stands for any lines. `npm run golden` writes what is printed now.
 */
const pages = ["README.md", "CONTRIBUTING.md", ...readdirSync("docs").map((name) => `docs/${name}`)].filter((path) =>
  path.endsWith(".md"),
);

/** Commands for a checkout, marked `sh`: they are run by .ci/run, which a test cannot run. */
const checkoutCommands: readonly RegExp[] = [
  /^git clone \S+( && cd weir)?$/,
  /^npm ci( && npm (test|run demo))?$/,
  /^npm (test|ci|run (demo|types|lint|format|build|grammar|golden|check|bench|bench:apply|test:kernel))$/,
  /^\.ci\/run$/,
];

const script = builtWeir("docs");

describe.each(pages)("%s", (page) => {
  it("shows what its command lines print", async () => {
    const lines = readFileSync(page, "utf8").split("\n");
    const cwd = temporaryFolder();
    cpSync("docs/examples", cwd, { recursive: true });
    const written = [...lines];
    let shift = 0;
    for (const { command, first, end } of examplesOf(lines, "console")) {
      const line = `weir() { "${process.execPath}" "${script}" "$@"; }\n${command}`;
      const ended = await runProgram("bash", ["-c", `exec 2>&1\n${line}`], { cwd });
      const actual = ended.stdout === "" ? [] : ended.stdout.replace(/\n$/, "").split("\n");
      const isExpected = matches(lines.slice(first, end), actual);
      if (process.env.WEIR_GOLDEN === "write") {
        if (isExpected) continue;
        written.splice(first + shift, end - first, ...actual);
        shift += actual.length - (end - first);
      } else if (!isExpected) {
        expect(actual.join("\n"), `${page}: $ ${command}`).toBe(lines.slice(first, end).join("\n"));
      }
    }
    if (process.env.WEIR_GOLDEN === "write") writeFileSync(page, written.join("\n"));
  }, 120_000);

  it("shows no command line that is not run", () => {
    const lines = readFileSync(page, "utf8").split("\n");
    const commands = blocks(lines, "sh").flatMap(([start, end]) => lines.slice(start, end));
    const unknown = commands.filter((line) => line !== "" && !checkoutCommands.some((known) => known.test(line)));
    expect(unknown).toEqual([]);
    for (const language of ["bash", "shell", "shell-session"]) expect(blocks(lines, language)).toEqual([]);
  });

  it("links to files that exist", () => {
    const text = readFileSync(page, "utf8");
    const links = [...text.matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)].map(([, target = ""]) => target);
    const missing = links.filter((target) => {
      try {
        readdirSync(join(page, "..", target, ".."));
        return !readdirSync(join(page, "..", target, "..")).includes(target.replace(/\/$/, "").split("/").at(-1) ?? "");
      } catch {
        return true;
      }
    });
    expect(missing).toEqual([]);
  });
});
