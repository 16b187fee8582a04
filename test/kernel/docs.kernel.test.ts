import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../support/command.ts";
import { examplesOf, matches } from "../support/console.ts";
import { labTrouble, skipFor } from "../support/kernel.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";

/**
 * The command lines of a page, blocks marked `console node`, one after the other on one node: a namespace with an empty
 * /var/lib, in a copy of docs/examples. WEIR_GOLDEN=write puts in what they print now.
 */
const pages = ["README.md", "docs/operations.md"];

let test: TestPool | null = null;
let trouble: string | null = null;

beforeAll(async () => {
  trouble = await labTrouble();
  if (trouble === null) test = await openTestPool();
});

afterAll(() => test?.close());

describe.each(pages)("%s", (page) => {
  it("shows what its command lines print", { timeout: 120_000 }, async (context) => {
    if (test === null) return skipFor(context, trouble ?? "there is no lab");
    const cwd = temporaryFolder();
    const state = temporaryFolder();
    cpSync("docs/examples", cwd, { recursive: true });
    const agent = await test.pool.node();
    const prepare = [
      `mount --bind '${state}' /var/lib`,
      `cd '${cwd}'`,
      "exec 2>&1",
      `weir() { '${process.execPath}' '${test.command}' "$@"; }`,
    ].join(" && ");
    const lines = readFileSync(page, "utf8").split("\n");
    const written = [...lines];
    let shift = 0;
    try {
      for (const { command, first, end } of examplesOf(lines, "console node")) {
        const ended = await agent.tryRun(["unshare", "--mount", "--", "bash", "-c", `${prepare}\n${command}`]);
        const actual = ended.stdout === "" ? [] : ended.stdout.replace(/\n$/, "").split("\n");
        if (matches(lines.slice(first, end), actual)) continue;
        if (process.env.WEIR_GOLDEN !== "write") {
          expect(actual.join("\n"), `${page}: $ ${command}`).toBe(lines.slice(first, end).join("\n"));
        }
        written.splice(first + shift, end - first, ...actual);
        shift += actual.length - (end - first);
      }
    } finally {
      await test.pool.end(agent);
    }
    if (process.env.WEIR_GOLDEN === "write") writeFileSync(page, written.join("\n"));
  });
});
