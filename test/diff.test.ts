import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { diffDocumentSchema } from "../compiler/diff/schema.ts";
import { isRewriting } from "./support/artifacts.ts";
import { weir } from "./support/command.ts";
import { fixturesFolder } from "./support/fixtures.ts";

/** Changes as pull requests bring them: old/, new/, and what each format tells of them. `npm run golden` rewrites it. */
const folder = join(fixturesFolder, "diff");
const names = readdirSync(folder).sort();

const formats = { text: "txt", markdown: "md", json: "json", html: "html", rules: "patch" } as const;

/** Exit codes with --fail-on exposure. */
const codes: Readonly<Record<string, number>> = {
  "03-opened-to-the-world": 3,
  "04-source-range-widened": 3,
  "05-service-added": 3,
  "09-only-text": 0,
  "10-node-ports-widened-and-draining": 3,
};

describe.each(names)("%s", (name) => {
  const [old, now] = [join(folder, name, "old"), join(folder, name, "new")];
  const expected = join(folder, name, "expected");

  it.each(Object.entries(formats))("is told as %s", async (format, ending) => {
    const told = await weir(["diff", old, now, "--format", format]);
    expect(told.stderr).toBe("");
    expect(told.code).toBe(codes[name] === 0 ? 0 : 1);
    const path = join(expected, `diff.${ending}`);
    if (isRewriting) {
      mkdirSync(expected, { recursive: true });
      writeFileSync(path, told.stdout);
    }
    expect(told.stdout).toBe(existsSync(path) ? readFileSync(path, "utf8") : null);
    if (format === "json") diffDocumentSchema.parse(JSON.parse(told.stdout));
  });

  it("exits with 3 where something is newly exposed", async () => {
    const { code, stdout } = await weir(["diff", old, now, "--fail-on", "exposure", "--backend", "nftables"]);
    expect(code).toBe(codes[name] ?? 1);
    expect(stdout.split("\n").slice(0, 5).join("\n").includes("EXPOSURE")).toBe(code === 3);
  });

  it("is no difference from itself", async () => {
    const { code, stdout } = await weir(["diff", now, now]);
    expect([code, stdout.split("\n").length]).toEqual([0, 2]);
  });
});
