import { chmodSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { builtWeir, runProgram } from "../support/built.ts";
import { temporaryFolder } from "../support/command.ts";

const script = builtWeir("process");

const spec = `node worker-1 {
  address 192.0.2.11
}

service shop/web {
  vip 10.96.0.10
  port http tcp 80 -> 8080
${Array.from({ length: 200 }, (_, at) => `  endpoint 10.244.1.${at + 1} on worker-1\n`).join("")}}
`;

/** A command line for the shell, with `weir` as a word of it. */
function shell(line: string, cwd: string) {
  return runProgram("bash", ["-c", `weir() { "${process.execPath}" "${script}" "$@"; }\n${line}`], { cwd });
}

const compile = "weir compile a.weir --node worker-1 --backend iptables,nftables -q -o";
const stack = /\n\s+at /;

describe("the built command", () => {
  it("is executable, and ends with the code of the finding", async () => {
    const cwd = temporaryFolder({ "a.weir": spec, "bad.weir": "service {{{" });
    const good = await runProgram(script, ["check", "a.weir"], { cwd });
    expect(good).toEqual({
      code: 0,
      signal: null,
      stdout: "",
      stderr: "1 file, 1 service, 1 node: no findings\n",
    });
    expect((await runProgram(script, ["check", "bad.weir"], { cwd })).code).toBe(1);
    expect((await runProgram(script, ["check", "none.weir"], { cwd })).code).toBe(2);
    expect((await runProgram(script, ["check"], { cwd })).code).toBe(64);
  });

  it("reads a pipe that has a name of the shell's", async () => {
    const cwd = temporaryFolder({ "a.weir": spec });
    expect((await shell("weir check <(cat a.weir) && cat a.weir | weir check -", cwd)).code).toBe(0);
  });

  it("says nothing when the reader of its output goes away", async () => {
    const cwd = temporaryFolder({ "a.weir": spec });
    const ended = await runProgram(script, [...compile.split(" ").slice(1), "-"], { cwd }, (child) => {
      child.stdout?.destroy();
    });
    expect(ended).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
    const piped = await shell(`${compile} - | head -n 1`, cwd);
    expect(piped).toMatchObject({ code: 0, stdout: "==> worker-1/iptables/ipv4.rules <==\n", stderr: "" });
  });

  it("calls a full standard output trouble", async () => {
    const ended = await shell(`${compile} - > /dev/full`, temporaryFolder({ "a.weir": spec }));
    expect(ended.code).toBe(2);
    expect(ended.stderr).toBe("error: cannot write standard output: no space left on the device\n");
  });

  it("works with closed standard streams", async () => {
    const cwd = temporaryFolder({ "a.weir": spec });
    expect(await shell("weir check -q - <&-", cwd)).toMatchObject({ code: 0, stderr: "" });
    expect((await shell("weir check a.weir 2>&-", cwd)).code).toBe(0);
    expect((await shell(`${compile} - >&-`, cwd)).stderr).not.toMatch(stack);
  });

  it("calls what it may not read or write trouble", async () => {
    const cwd = temporaryFolder({ "a.weir": spec, "secret.weir": spec });
    // the build lies where an ordinary user may have no access
    const copy = join(cwd, "dist");
    cpSync(join(dirname(script)), join(copy, "bin"), { recursive: true });
    chmodSync(cwd, 0o755);
    chmodSync(join(cwd, "secret.weir"), 0);
    mkdirSync(join(cwd, "locked"), { mode: 0o555 });
    const options = { cwd, ...(process.getuid?.() === 0 ? { uid: 65534 } : {}) };
    const run = (...args: readonly string[]) =>
      runProgram(process.execPath, [join(copy, "bin/weir.js"), ...args], options);
    expect(await run("check", "secret.weir")).toMatchObject({
      code: 2,
      stderr: "error: cannot read secret.weir: permission denied\n",
    });
    const written = await run("compile", "a.weir", "--node", "worker-1", "-o", "locked/build");
    expect(written).toMatchObject({ code: 2, stderr: "error: cannot write locked/build: permission denied\n" });
    writeFileSync(join(cwd, "loose.weir"), "service   a/b {\n}\n");
    const formatted = await run("fmt", "loose.weir");
    expect(formatted.code).not.toBe(0);
    expect(formatted.stderr).not.toMatch(stack);
  });

  it.each(["0", "24K"])("leaves the old build as it was when the disk is full but for %s", async (room) => {
    const cwd = temporaryFolder({
      "a.weir": spec,
      "b.weir": spec.replaceAll("10.244.1.", "10.244.2."),
      "disk/.keep": "",
    });
    const script_ = [
      "mount -t tmpfs -o size=160k tmpfs disk || exit 99",
      `${compile} disk || exit 1`,
      "find disk | sort > before.txt; cat disk/*/*/* > before.rules",
      `head -c 1M /dev/zero > disk/.filler 2>/dev/null; truncate -s -${room} disk/.filler`,
      `${compile.replace("a.weir", "b.weir")} disk; echo "code $?"`,
      "rm disk/.filler; find disk | sort | diff before.txt - && cat disk/*/*/* | diff before.rules - && echo same",
    ];
    const inner = `weir() { "${process.execPath}" "${script}" "$@"; }\n${script_.join("\n")}`;
    const flags = process.getuid?.() === 0 ? ["-m"] : ["-U", "-r", "-m"];
    const ended = await runProgram("unshare", [...flags, "bash", "-c", inner], { cwd });
    const isRequired = process.env.WEIR_KERNEL_TESTS === "required";
    // an ordinary user may have no namespaces: nothing to see then
    if (!isRequired && /unshare failed|mount:/.test(ended.stderr)) return;
    expect(ended.stderr).toMatch(/^error: cannot write disk\S*: no space left on the device\n$/);
    expect(ended.stdout).toBe("code 2\nsame\n");
  });
});
