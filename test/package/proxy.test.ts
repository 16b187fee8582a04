import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import { builtWeir, runProgram } from "../support/built.ts";
import { temporaryFolder } from "../support/command.ts";
import { echo, endpoint, exchange, freePort, saying } from "../support/proxy.ts";

const script = builtWeir("proxy");

/** `weir proxy` as an ordinary user, where this process may become one. */
async function startProxy(spec: string, ...options: readonly string[]) {
  const cwd = temporaryFolder({ "try.weir": spec });
  const copy = temporaryFolder();
  cpSync(dirname(dirname(script)), copy, { recursive: true });
  for (const folder of [cwd, copy]) chmodSync(folder, 0o755);
  const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const args = [join(copy, "bin/weir.js"), "proxy", "try.weir", ...options];
  const child = spawn(process.execPath, args, { cwd, ...user, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [lines, logged]: [string[], string[]] = [[], []];
  createInterface({ input: child.stderr }).on("line", (line) => logged.push(line));
  const output = createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  const ended = once(child, "exit");
  await Promise.race([once(output, "line"), ended]);
  const remove = (): void => rmSync(join(cwd, "try.weir"));
  const change = (text: string): void => writeFileSync(join(cwd, "try.weir"), text);
  /** Events of the log with this name. */
  const events = (name: string) => logged.map((line) => JSON.parse(line)).filter(({ event }) => event === name);
  return { child, ended, lines, logged, change, remove, events };
}

const service = (name: string, port: number, endpointPort: number): string =>
  `service ${name} {\n  vip 10.96.0.${name.length}\n  port http tcp ${port} -> ${endpointPort}\n  endpoint 127.0.0.1\n}\n`;

describe("weir proxy", () => {
  it("serves a spec for an ordinary user, on ports that it prints, until SIGTERM", async () => {
    const [one, two] = [await endpoint(saying("one")), await endpoint(saying("two"))];
    const port = await freePort();
    const spec = service("try/web", port, one.port) + service("try/other", port, two.port);
    const { child, ended, lines, logged } = await startProxy(spec, "--listen", "127.0.0.1");
    await expect.poll(() => lines.length).toBe(2);
    const own = lines.findIndex((line) => line.startsWith(`127.0.0.1:${port}/tcp `));
    const [, given = ""] = /^127\.0\.0\.1:(2\d{4})\/tcp /.exec(lines[1 - own] ?? "") ?? [];
    const answers = [await exchange(port, "?"), await exchange(Number(given), "?")];
    expect(answers).toEqual(lines[own]?.includes("try/web:http") ? ["one", "two"] : ["two", "one"]);
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    expect(logged).toEqual([]);
  });

  it("takes over a changed spec, refuses one with errors, and tells both", async () => {
    const [one, two] = [await endpoint(saying("one")), await endpoint(saying("two"))];
    const [port, metrics] = [await freePort(), await freePort()];
    const options = ["--listen", "127.0.0.1", "--log", "json", "--metrics", `127.0.0.1:${metrics}`];
    const { child, change, remove, events } = await startProxy(service("try/web", port, one.port), ...options);
    expect(await exchange(port, "?")).toBe("one");
    change("service try/web {\n");
    await expect
      .poll(() => events("reload-refused"), { timeout: 5000 })
      .toMatchObject([{ place: "try.weir:1:1", code: "syntax/unclosed-block" }]);
    expect(await exchange(port, "?")).toBe("one");
    change(service("try/web", port, two.port));
    await expect.poll(() => events("reloaded").length, { timeout: 5000 }).toBe(1);
    expect(await exchange(port, "?")).toBe("two");
    child.kill("SIGHUP");
    await expect.poll(() => events("reloaded").length, { timeout: 5000 }).toBe(2);
    remove();
    await expect.poll(() => events("reload-refused").length, { timeout: 5000 }).toBe(2);
    expect(events("reload-refused")[1]).toMatchObject({ message: "cannot read try.weir: no such file or folder" });
    expect(await exchange(port, "?")).toBe("two");
    const get = async (path: string) => (await fetch(`http://127.0.0.1:${metrics}${path}`)).text();
    const text = await get("/metrics");
    for (const line of [
      `weir_proxy_connections_total{service="try/web:http",protocol="tcp",endpoint="127.0.0.1:${two.port}"} 2`,
      `weir_proxy_bytes_total{service="try/web:http",protocol="tcp",endpoint="127.0.0.1:${two.port}",to="client"} 6`,
      'weir_proxy_ends_total{service="try/web:http",reason="ended"} 4',
      'weir_proxy_dial_seconds_count{service="try/web:http"} 4',
      'weir_proxy_reloads_total{result="taken"} 2',
      'weir_proxy_reloads_total{result="refused"} 2',
    ]) {
      expect(text.split("\n")).toContain(line);
    }
    expect(JSON.parse(await get("/healthz"))).toEqual({ state: "serving", places: 1, listening: 1, clients: 0 });
  });

  it("is the first try that the README shows", async () => {
    const example = readFileSync("docs/examples/try.weir", "utf8");
    const [one, two] = [await endpoint(saying("one")), await endpoint(saying("two"))];
    const port = await freePort();
    const ports = new Map([
      ["8080", port],
      ["9001", one.port],
      ["9002", two.port],
    ]);
    const spec = example.replace(/\b(8080|9001|9002)\b/g, (text) => String(ports.get(text)));
    const { lines } = await startProxy(spec, "--listen", "127.0.0.1");
    expect(lines).toEqual([`127.0.0.1:${port}/tcp  try/web:http at 10.96.0.80:${port}`]);
    const answers = [];
    for (let at = 0; at < 4; at++) answers.push(await exchange(port, "?"));
    expect(answers.sort()).toEqual(["one", "one", "one", "two"]);
    expect(readFileSync("README.md", "utf8")).toContain("127.0.0.1:8080/tcp  try/web:http at 10.96.0.80:8080");
  });

  it("outlives a lack of descriptors, and serves again when there are some", async (context) => {
    const prlimit = ["/usr/bin/prlimit", "/bin/prlimit"].find((path) => existsSync(path));
    if (prlimit === undefined) return context.skip("there is no prlimit");
    const { port: echoing } = await endpoint(echo);
    const port = await freePort();
    const cwd = temporaryFolder({ "try.weir": service("try/web", port, echoing) });
    const args = ["--nofile=60:60", process.execPath, script, "proxy", "try.weir", "--listen", "127.0.0.1"];
    const child = spawn(prlimit, [...args, "--log", "json", "--max-connections", "1000"], { cwd, stdio: "pipe" });
    onTestFinished(() => void child.kill("SIGKILL"));
    let logged = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      logged += text;
    });
    await once(createInterface({ input: child.stdout }), "line");
    const sockets = Array.from({ length: 80 }, () => connect(port, "127.0.0.1").on("error", () => {}));
    await expect.poll(() => logged).toContain('"event":"system-limit","code":"EMFILE"');
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => exchange(port, "again").catch(() => null), { timeout: 10_000 }).toBe("again");
    expect(logged).not.toMatch(/^\s+at /m);
    expect(child.exitCode).toBe(null);
  });

  it("ends when its connections have, or with the second signal", async () => {
    const { port: echoing } = await endpoint(echo);
    const port = await freePort();
    const { child, ended, events } = await startProxy(
      service("try/web", port, echoing),
      "--listen",
      "127.0.0.1",
      "--log",
      "json",
    );
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    socket.write("?");
    await once(socket, "data");
    child.kill("SIGTERM");
    await expect.poll(() => events("draining")).toMatchObject([{ clients: 1 }]);
    socket.write("still there?");
    await once(socket, "data");
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  });

  it("names the service and its line when the port is in use", async () => {
    const { port } = await endpoint(saying("mine"));
    const cwd = temporaryFolder({
      "try.weir": `cluster {\n  proxy-ports ${port}-${port}\n}\nnode here {\n  address 127.0.0.1\n}\n${service("try/web", 80, 80).replace("127.0.0.1", "10.0.0.1")}`,
    });
    const ended = await runProgram(process.execPath, [script, "proxy", "try.weir"], { cwd });
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain(
      `cannot listen on 127.0.0.1:${port}/tcp for try/web:http (try.weir:9): the port is in use`,
    );
  });

  it.each([
    [["--listen", "localhost"], "--listen: localhost is not an IP address"],
    [["--ports", "1-2"], "--ports is about"],
    [["--listen", "127.0.0.1", "--ports", "9-1"], "is no range of ports"],
    [["--max-memory", "2GB"], "is no size"],
    [["--metrics", "9090"], "is no address with a port"],
    [["--drain", "soon"], "is no time"],
  ])("refuses %j", async (options, reason) => {
    const ended = await runProgram(process.execPath, [script, "proxy", "none.weir", ...options]);
    expect(ended).toMatchObject({ code: 64, stdout: "" });
    expect(ended.stderr).toContain(reason);
  });
});
