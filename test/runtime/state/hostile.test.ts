import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stateReader } from "../../../runtime/state/state.ts";
import { temporaryFolder } from "../../support/command.ts";

describe("a state folder that somebody else has made", () => {
  it("keeps nobody waiting with pipes in place of files", () => {
    const folder = temporaryFolder();
    execFileSync("mkfifo", [join(folder, "current.json")]);
    expect(() => stateReader(folder).current()).toThrow("current.json is no ordinary file");
  });
});
