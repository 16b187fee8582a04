import { execFileSync } from "node:child_process";
import { readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { enterFolder, weir } from "../../support/command.ts";

const spec = (endpoint: string) => `node worker-1 { address 192.0.2.11 }
service shop/web {
  vip 10.96.0.10
  port http tcp 80 -> 8080
  endpoint ${endpoint}
}
`;

function git(...args: readonly string[]): void {
  const identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
  execFileSync("git", [...identity, ...args], { stdio: "ignore" });
}

/** A repository whose branch main has one endpoint, feature another, and the files a third. */
function enterRepository(): void {
  enterFolder({ "specs/shop.weir": 'include "parts/*.weir"\n', "specs/parts/web.weir": spec("10.244.1.1") });
  git("init", "-q", "-b", "main");
  git("add", "-A");
  git("commit", "-q", "-m", "one");
  git("checkout", "-q", "-b", "feature");
  writeFileSync("specs/parts/web.weir", spec("10.244.1.2"));
  git("commit", "-q", "-a", "-m", "two");
  writeFileSync("specs/parts/web.weir", spec("10.244.1.3"));
}

describe("git revisions", () => {
  it.each([
    [["main..", "specs"], "10.244.1.3:8080 replaces 10.244.1.1:8080"],
    [["main..feature", "specs/"], "10.244.1.2:8080 replaces 10.244.1.1:8080"],
    [["feature...main", "specs"], "no difference"],
    [["HEAD..", "specs"], "10.244.1.3:8080 replaces 10.244.1.2:8080"],
    [["..main", "specs/shop.weir"], "10.244.1.1:8080 replaces 10.244.1.2:8080"],
    [["main:specs", "specs"], "10.244.1.3:8080 replaces 10.244.1.1:8080"],
    [["main:specs/shop.weir", "feature:specs/shop.weir"], "10.244.1.2:8080 replaces 10.244.1.1:8080"],
  ])("%j", async (args, expected) => {
    enterRepository();
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith("weir-diff-")).length;
    const { stdout, stderr, code } = await weir(["diff", ...args]);
    expect(stderr).toBe("");
    expect(stdout).toContain(expected);
    expect(code).toBe(expected === "no difference" ? 0 : 1);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith("weir-diff-")).length).toBeLessThanOrEqual(before);
  });

  it("names places as the revision has them, also below a folder of the repository", async () => {
    enterRepository();
    process.chdir("specs");
    const { stdout } = await weir(["diff", "feature:parts", "main:parts", "--backend", "nftables"]);
    expect(stdout).toContain("[parts/web.weir:4]");
  });

  it.each([
    [["nobody..", "specs"], 2, "cannot find the revision nobody"],
    [["main:elsewhere", "specs"], 2, "elsewhere"],
    [["-x..", "specs"], 64, "unknown option"],
    [["--", "-x..", "specs"], 64, "is no revision"],
    [["--", "--output=owned:specs", "specs"], 64, "is no revision"],
    [["main..", "../other"], 64, "inside the repository"],
    [["main..", "/etc"], 64, "inside the repository"],
    [["main.."], 64, "name the spec's files"],
    [["specs"], 64, "name what to compare"],
    [["specs", "nowhere"], 2, "nowhere"],
  ])("%j ends with %i", async (args, code, message) => {
    enterRepository();
    const ended = await weir(["diff", ...args]);
    expect([ended.code, ended.stdout]).toEqual([code, ""]);
    expect(ended.stderr).toContain(message);
    expect(readdirSync(".").sort()).toEqual([".git", "specs"]);
  });

  it("follows no link out of the revision", async () => {
    enterRepository();
    symlinkSync("/etc/passwd", "specs/parts/out.weir");
    git("add", "-A");
    git("commit", "-q", "-m", "three");
    const { code, stdout, stderr } = await weir(["diff", "HEAD:specs", "main:specs"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/input\/(link|include)-outside/);
    expect(stderr).not.toContain("root:");
  });

  it("says of a folder without git that there is none", async () => {
    enterFolder({ "a.weir": spec("10.244.1.1") });
    expect((await weir(["diff", "main..", "a.weir"])).code).toBe(2);
  });
});

it("takes a spec with errors for trouble, not for a difference", async () => {
  enterFolder({ "a.weir": spec("10.244.1.1"), "b.weir": spec("10.244.1.300") });
  const { code, stdout, stderr } = await weir(["diff", "a.weir", "b.weir"]);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("syntax/address");
});

describe("a file's name from a stranger", () => {
  const name = `<img src=x onerror=y>|\`@all [a](b) \u202e\u001b[31m--> & "q" 'q'.weir`;

  const controls = ["\u001b", "\u202e"];

  it.each([
    ["text", controls],
    ["markdown", [...controls, "<img", "@all", "](b", "|`"]],
    ["html", [...controls, "<img", '"q"', "<script", ' src="', ' href="']],
    ["json", ["\u001b"]],
    ["rules", controls],
  ] as const)("stays text in %s", async (format, never) => {
    enterFolder({ "old.weir": spec("10.244.1.1"), [`new/${name}`]: spec("10.244.1.2") });
    const { code, stdout, stderr } = await weir(["diff", "old.weir", "new", "--format", format]);
    expect([code, stderr]).toEqual([1, ""]);
    expect(stdout).toContain("10.244.1.2");
    for (const text of never) expect(stdout).not.toContain(text);
  });
});

describe("compiled folders", () => {
  it("are compared by their rules, with each other and with a spec", async () => {
    enterFolder({ "a.weir": spec("10.244.1.1"), "b.weir": spec("10.244.1.2") });
    await weir(["compile", "a.weir", "--all-nodes", "--backend", "nftables,ipvs", "-o", "a"]);
    await weir(["compile", "b.weir", "--all-nodes", "--backend", "nftables", "-o", "b"]);
    const both = await weir(["diff", "a", "b/worker-1"]);
    expect([both.code, both.stderr]).toEqual([1, ""]);
    expect(both.stdout).toContain("rules of 1 service port changed (shop/web:http)");
    expect(both.stdout).not.toContain("ipvs");
    expect((await weir(["diff", "a", "a.weir"])).code).toBe(0);
    expect((await weir(["diff", "b.weir", "b", "--node", "worker-2"])).code).toBe(2);
    expect((await weir(["diff", "a", "b", "--fail-on", "exposure"])).code).toBe(64);
    writeFileSync("b/worker-1/nftables/ruleset.nft", "table ip weir\n");
    expect((await weir(["diff", "a", "b"])).code).toBe(2);
  });
});
