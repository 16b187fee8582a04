import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { builtWeir, runProgram } from "../support/built.ts";
import { temporaryFolder } from "../support/command.ts";

/** The recipes for continuous integration: what is copied into other people's repositories must work, and be safe. */
const folder = "docs/examples/ci";

const stepSchema = z.looseObject({
  uses: z.string().optional(),
  run: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
  with: z.record(z.string(), z.unknown()).optional(),
});
const jobSchema = z.looseObject({
  permissions: z.record(z.string(), z.string()).optional(),
  steps: z.array(stepSchema),
});
const workflowSchema = z.looseObject({
  on: z.record(z.string(), z.unknown()),
  permissions: z.record(z.string(), z.string()),
  jobs: z.record(z.string(), jobSchema),
});
const gitlabSchema = z.record(z.string(), z.looseObject({ script: z.array(z.string()).optional() }));

const workflows = readdirSync(folder)
  .filter((name) => name.startsWith("github-"))
  .map((name) => ({ name, workflow: workflowSchema.parse(parse(readFileSync(join(folder, name), "utf8"))) }));
const steps = workflows.flatMap(({ workflow }) => Object.values(workflow.jobs).flatMap((job) => job.steps));

/** Scripts that call weir, by the step's or job's first words. */
function scripts(): readonly (readonly [string, string])[] {
  const gitlab = gitlabSchema.parse(parse(readFileSync(join(folder, "gitlab-ci.yml"), "utf8")));
  const ofGitlab = Object.entries(gitlab).flatMap(([name, { script = [] }]) => [
    [`gitlab ${name}`, script.join("\n")] as const,
  ]);
  const ofGithub = steps.flatMap(({ name, run }) =>
    run === undefined ? [] : [[`github ${String(name)}`, run] as const],
  );
  return [...ofGithub, ...ofGitlab].filter(([, script]) => commandsIn(script).length > 0);
}

function commandsIn(script: string): readonly string[] {
  return [...script.matchAll(/^\s*weir ([a-z]+)/gm)].map(([, command = ""]) => command);
}

const weir = builtWeir("ci");

/** A repository with the example's spec, two commits old, as a job finds it. */
async function repository(): Promise<{ readonly cwd: string; readonly base: string }> {
  const cwd = temporaryFolder({
    "bin/weir": `#!/bin/sh\nexec "${process.execPath}" "${weir}" "$@"\n`,
    "summary.md": "",
  });
  const git = (...args: readonly string[]) =>
    runProgram(
      "git",
      ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false", ...args],
      { cwd },
    );
  cpSync("docs/examples/shop.weir", join(cwd, "specs/shop.weir"));
  await runProgram("chmod", ["+x", "bin/weir"], { cwd });
  await git("init", "-q");
  await git("add", "specs");
  await git("commit", "-q", "-m", "a shop");
  const base = (await git("rev-parse", "HEAD")).stdout.trim();
  const text = readFileSync(join(cwd, "specs/shop.weir"), "utf8");
  writeFileSync(
    join(cwd, "specs/shop.weir"),
    text.replace("10.244.1.5 on worker-1 weight 3", "10.244.1.5 on worker-1"),
  );
  await git("commit", "-q", "-a", "-m", "equal weights");
  return { cwd, base };
}

describe("recipes for continuous integration", () => {
  it("call weir as it is", async () => {
    const { cwd, base } = await repository();
    const help = (await runProgram(process.execPath, [weir, "--help"], { cwd })).stdout;
    const isThere = (command: string) => new RegExp(`^  ${command}\\b`, "m").test(help);
    const environment = {
      SPECS: "specs",
      BASE: base,
      CI_MERGE_REQUEST_DIFF_BASE_SHA: base,
      GITHUB_STEP_SUMMARY: "summary.md",
    };
    const assigned = Object.entries(environment).map(([name, value]) => `export ${name}='${value}'`);
    const tried: string[] = [];
    for (const [name, script] of scripts()) {
      const commands = commandsIn(script);
      // a command that this build does not have is not in its help either
      if (!commands.every(isThere)) continue;
      const text = ["set -e -o pipefail", 'export PATH="$PWD/bin:$PATH"', ...assigned, script].join("\n");
      const ended = await runProgram("bash", ["-c", text], { cwd });
      expect({ name, code: ended.code, stderr: ended.code === 0 ? "" : ended.stderr }).toEqual({
        name,
        code: 0,
        stderr: "",
      });
      tried.push(...commands);
    }
    expect(tried).toEqual(expect.arrayContaining(["fmt", "check", "test", "compile"]));
    expect(readFileSync(join(cwd, "weir-tests.xml"), "utf8")).toContain("<testsuites");
    expect(readdirSync(join(cwd, "build"))).toEqual(["worker-1", "worker-2"]);
  }, 60_000);

  it("pin every action to a commit, with its version beside it", () => {
    for (const { name } of workflows) {
      for (const [line] of readFileSync(join(folder, name), "utf8").matchAll(/^.*uses:.*$/gm)) {
        expect(line).toMatch(/uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
      }
    }
  });

  it("give no rights to what reads a pull request", () => {
    for (const { workflow } of workflows) {
      expect(Object.keys(workflow.on)).not.toContain("pull_request_target");
      const mayWrite = [workflow.permissions, ...Object.values(workflow.jobs).map((job) => job.permissions ?? {})].some(
        (permissions) => permissions["pull-requests"] === "write" || permissions.contents === "write",
      );
      const reads = Object.values(workflow.jobs).some((job) =>
        job.steps.some(({ uses }) => uses?.startsWith("actions/checkout@")),
      );
      expect(mayWrite && reads).toBe(false);
    }
    const checkouts = steps.filter(({ uses }) => uses?.startsWith("actions/checkout@") === true);
    expect(checkouts.length).toBeGreaterThan(0);
    for (const checkout of checkouts) expect(checkout.with?.["persist-credentials"]).toBe(false);
  });

  it("put nothing of an event into a script", () => {
    for (const { run } of steps) expect(run ?? "").not.toContain("${{");
  });
});
