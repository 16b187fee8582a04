import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import { builtWeir, runProgram } from "../support/built.ts";
import { temporaryFolder } from "../support/command.ts";
import { endpoint, exchange, freePort, saying } from "../support/proxy.ts";

const script = builtWeir("proxy");

/** `weir proxy` as an ordinary user, where this process may become one; `lines` is what it has printed. */
async function startProxy(spec: string, ...options: readonly string[]) {
  const cwd = temporaryFolder({ "try.weir": spec });
  const copy = temporaryFolder();
  cpSync(dirname(dirname(script)), copy, { recursive: true });
  for (const folder of [cwd, copy]) chmodSync(folder, 0o755);
  const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const args = [join(copy, "bin/weir.js"), "proxy", "try.weir", ...options];
  const child = spawn(process.execPath, args, { cwd, ...user, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const written = { stderr: "" };
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    written.stderr += text;
  });
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  const ended = once(child, "exit");
  await Promise.race([once(output, "line"), ended]);
  return { child, ended, lines, written };
}

describe("weir proxy", () => {
  it("serves a spec for an ordinary user, on a port that it prints, until SIGTERM", async () => {
    const [one, two] = [await endpoint(saying("one")), await endpoint(saying("two"))];
    const port = await freePort();
    const spec = `service try/web {\n  vip 10.96.0.10\n  port http tcp ${port} -> ${one.port}\n  endpoint 127.0.0.1\n}\nservice try/low {\n  vip 10.96.0.11\n  port http tcp 81 -> ${two.port}\n  endpoint 127.0.0.1\n}\n`;
    const { child, ended, lines, written } = await startProxy(spec, "--listen", "127.0.0.1");
    await expect.poll(() => lines.length).toBe(2);
    expect(lines[0]).toBe(`127.0.0.1:${port}/tcp  try/web:http at 10.96.0.10:${port}`);
    expect(await exchange(port, "?")).toBe("one");
    const [, low = ""] = /^127\.0\.0\.1:(\d+)\/tcp +try\/low:http at 10\.96\.0\.11:81$/.exec(lines[1] ?? "") ?? [];
    expect(await exchange(Number(low), "?")).toBe("two");
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    expect(written.stderr).toBe("");
  });

  it("names the service and its line when the port is in use", async () => {
    const { port } = await endpoint(saying("mine"));
    const cwd = temporaryFolder({
      "try.weir": `cluster {\n  proxy-ports ${port}-${port}\n}\nnode here {\n  address 127.0.0.1\n}\nservice try/web {\n  vip 10.96.0.10\n  port http tcp 80\n  endpoint 10.0.0.1\n}\n`,
    });
    const ended = await runProgram(process.execPath, [script, "proxy", "try.weir"], { cwd });
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain(
      `cannot listen on 127.0.0.1:${port}/tcp for try/web:http (try.weir:9): the port is in use`,
    );
  });
});
