import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { enterFolder, weir } from "../../support/command.ts";

const loose = "# shop\nservice   shop/web {\n vip 10.96.0.1   # the VIP\n\n\n\n port http tcp 80\n}\n";

async function canonical(): Promise<string> {
  return (await weir(["fmt", "-"], { stdin: loose })).stdout;
}

describe("weir fmt", () => {
  it("lays files out in place, keeps comments and permissions, and is done after one run", async () => {
    enterFolder({ "s/a.weir": loose, "s/b.yaml": "a:   1\n", "s/c.weir": await canonical() });
    chmodSync("s/a.weir", 0o640);
    const first = await weir(["fmt", "s"]);
    expect(first).toEqual({ code: 0, stdout: "", stderr: "2 files, 1 changed\n" });
    const text = readFileSync("s/a.weir", "utf8");
    expect(text).toContain("# shop\n");
    expect(text).toContain("# the VIP");
    expect(text).not.toBe(loose);
    expect(statSync("s/a.weir").mode & 0o777).toBe(0o640);
    expect(readFileSync("s/b.yaml", "utf8")).toBe("a:   1\n");
    expect(readdirSync("s")).toEqual(["a.weir", "b.yaml", "c.weir"]);
    expect(await weir(["fmt", "s"])).toEqual({ code: 0, stdout: "", stderr: "2 files, 0 changed\n" });
  });

  it("--check changes nothing and names what would", async () => {
    enterFolder({ "a.weir": loose, "c.weir": await canonical() });
    expect(await weir(["fmt", "--check", "."])).toEqual({
      code: 1,
      stdout: "a.weir\n",
      stderr: "2 files, 1 would change\n",
    });
    expect(readFileSync("a.weir", "utf8")).toBe(loose);
    expect((await weir(["fmt", "--check", "c.weir"])).code).toBe(0);
    const json = await weir(["fmt", "--check", "--json", "."]);
    expect(JSON.parse(json.stdout)).toMatchObject({ changed: ["a.weir"], diagnostics: [], errors: 0 });
  });

  it("writes standard input to standard output", async () => {
    const { code, stdout } = await weir(["fmt", "-"], { stdin: loose });
    expect(code).toBe(0);
    expect(await weir(["fmt", "-", "-q"], { stdin: stdout })).toEqual({ code: 0, stdout, stderr: "" });
    expect(await weir(["fmt", "-", "--check", "-q"], { stdin: loose })).toEqual({
      code: 1,
      stdout: "<stdin>\n",
      stderr: "",
    });
  });

  it("leaves a file with errors alone and does the others", async () => {
    enterFolder({ "bad.weir": "service {{{\n", "a.weir": loose });
    const { code, stderr } = await weir(["fmt", "."]);
    expect(code).toBe(1);
    expect(stderr).toContain("--> bad.weir:1:");
    expect(readFileSync("bad.weir", "utf8")).toBe("service {{{\n");
    expect(readFileSync("a.weir", "utf8")).toBe(await canonical());
    expect((await weir(["fmt", "-"], { stdin: "service {{{\n" })).stdout).toBe("");
  });

  it("writes through a symbolic link", async () => {
    enterFolder({ "real/a.weir": loose });
    symlinkSync("real/a.weir", "link.weir");
    expect((await weir(["fmt", "link.weir"])).code).toBe(0);
    expect(readFileSync("real/a.weir", "utf8")).toBe(await canonical());
    expect(statSync("link.weir").isFile()).toBe(true);
    expect(readdirSync(".")).toEqual(["link.weir", "real"]);
  });
});
