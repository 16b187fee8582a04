import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { builtWeir, runProgram } from "../support/built.ts";
import { temporaryFolder } from "../support/command.ts";

/** What `npm pack` reads besides the build. */
const packed = ["package.json", "README.md", "CHANGELOG.md", "LICENSE", "docs", ".npmrc"];

const script = builtWeir("pack");

/** A project with the packed package installed as npm lays it out, its dependencies borrowed from the checkout. */
async function install(): Promise<{ readonly project: string; readonly files: readonly string[] }> {
  const project = temporaryFolder({ "source/.keep": "", "project/package.json": '{"type": "module"}' });
  const source = join(project, "source");
  for (const path of packed) cpSync(path, join(source, path), { recursive: true });
  cpSync(join(script, "../.."), join(source, "dist"), { recursive: true });
  const pack = await runProgram("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", project], {
    cwd: source,
  });
  expect(pack.code, pack.stderr).toBe(0);
  const modules = join(project, "project/node_modules");
  mkdirSync(join(modules, ".bin"), { recursive: true });
  const tarball = join(project, pack.stdout.trim());
  const listed = await runProgram("tar", ["-xzvf", tarball, "-C", modules], { cwd: project });
  expect(listed.code, listed.stderr).toBe(0);
  cpSync(join(modules, "package"), join(modules, "weir"), { recursive: true });
  const { bin, dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  for (const name of Object.keys(dependencies))
    symlinkSync(join(process.cwd(), "node_modules", name), join(modules, name));
  for (const [name, path] of Object.entries<string>(bin))
    symlinkSync(join("../weir", path), join(modules, ".bin", name));
  return { project: join(project, "project"), files: listed.stdout.trim().split("\n") };
}

describe("the package", () => {
  it("installs a command and a library that work", async () => {
    const { project, files } = await install();
    const command = join(project, "node_modules/.bin/weir");
    cpSync("docs/examples/shop.weir", join(project, "shop.weir"));
    expect((await runProgram(command, ["--version"], { cwd: project })).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const compiled = await runProgram(command, ["compile", "shop.weir", "--all-nodes", "-o", "build"], {
      cwd: project,
    });
    expect(compiled).toMatchObject({ code: 0, stdout: "" });
    expect(readdirSync(join(project, "build")).sort()).toEqual(["worker-1", "worker-2"]);

    const program = `
      import { fragmentOf, hasErrors, irOf, specOf, compileBackend, textOf } from "weir";
      const text = "service shop/web {\\n  vip 10.96.0.10\\n  port tcp 80\\n  endpoint 10.0.0.1\\n}\\n";
      const { fragment, diagnostics } = await fragmentOf({ path: "shop.weir", text });
      const { spec } = specOf([fragment]);
      const { files } = await compileBackend(irOf(spec, "worker-1").ir, "nftables");
      console.log(hasErrors(diagnostics), files.map((file) => file.path).join(), textOf(files[0]).startsWith("table"));
    `;
    const library = await runProgram(process.execPath, ["--input-type=module", "-e", program], { cwd: project });
    expect(library).toMatchObject({ code: 0, stdout: "false nftables/ruleset.nft true\n", stderr: "" });

    const wanted = [
      "dist/bin/weir.js",
      "dist/bin/weir/LICENSES.txt",
      "dist/compiler/index.js",
      "dist/compiler/index.d.ts",
    ];
    for (const path of [...wanted, "README.md", "LICENSE", "docs/command-line.md"])
      expect(files).toContain(`package/${path}`);
    expect(
      files.filter((path) => /^package\/(test|fixtures|dist\/(bench|test)|node_modules)\b|\.ts$/.test(path)),
    ).toEqual(files.filter((path) => path.endsWith(".d.ts")));
  }, 120_000);

  it("holds the licences of what is bundled", () => {
    const text = readFileSync(join(script, "../weir/LICENSES.txt"), "utf8");
    for (const name of ["commander", "ipaddr.js", "moo", "nearley", "picocolors", "prom-client", "yaml", "zod"]) {
      expect(text).toMatch(new RegExp(`^${name} \\d`, "m"));
    }
    expect(text).not.toContain("undefined");
  });
});
