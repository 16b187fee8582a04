/**
 * A program of its own, started once inside each namespace of a lab: serves, connects and runs commands there.
 * Reads requests and writes answers as protocol.ts has them; ends when its standard input does, so that
 * nothing outlives the process that started it. Started as `node agent.js NAME`.
 */
import { spawn } from "node:child_process";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { readFile, writeFile } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { createInterface } from "node:readline";
import { errorCode, type RunningLoop, seenOfError, startLoop, udpType } from "./loop.ts";
import type {
  AgentRequest,
  Attempt,
  Greeting,
  Listener,
  LoopReport,
  RunResult,
  Seen,
  SysctlValue,
} from "./protocol.ts";

const name = process.argv[2] ?? "";
const udpResendMs = 200;
const servers = new Set<Server | UdpSocket>();
const attempts = new Map<number, (seen: Seen) => void>();
const loops = new Set<RunningLoop>();

function serveTcp(listener: Listener): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      // The client closes with a reset; that is no news here.
      socket.on("error", () => {});
      const greeting: Greeting = {
        agent: name,
        localAddress: socket.localAddress ?? "",
        localPort: socket.localPort ?? 0,
        remoteAddress: socket.remoteAddress ?? "",
        remotePort: socket.remotePort ?? 0,
      };
      const answer = `${JSON.stringify(greeting)}\n`;
      socket.write(answer);
      // once more for each line: connections that are kept busy
      socket.on("data", (bytes) => {
        const lines = bytes.reduce((count, byte) => count + (byte === 10 ? 1 : 0), 0);
        if (lines > 0) socket.write(answer.repeat(lines));
      });
    });
    server.once("error", reject);
    server.listen({ host: listener.address, port: listener.port, backlog: 511 }, () => resolve());
    servers.add(server);
  });
}

function serveUdp(listener: Listener): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(udpType(listener.address));
    socket.once("error", reject);
    socket.on("message", (_, peer) => {
      const greeting: Greeting = {
        agent: name,
        localAddress: listener.address,
        localPort: listener.port,
        remoteAddress: peer.address,
        remotePort: peer.port,
      };
      socket.send(JSON.stringify(greeting), peer.port, peer.address, () => {});
    });
    socket.bind(listener.port, listener.address, () => {
      socket.on("error", () => {});
      resolve();
    });
    servers.add(socket);
  });
}

function reset(): void {
  for (const server of servers) server.close();
  servers.clear();
  for (const giveUp of [...attempts.values()]) giveUp({ kind: "silent" });
}

/** Keeps the attempt open until the first news of it, its own time limit, or `give-up`. */
function waitForNews(id: number, timeoutMs: number, start: (news: (seen: Seen) => void) => () => void): Promise<Seen> {
  return new Promise((resolve) => {
    let stop = () => {};
    const news = (seen: Seen) => {
      if (!attempts.delete(id)) return;
      clearTimeout(limit);
      stop();
      resolve(seen);
    };
    const limit = setTimeout(() => news({ kind: "silent" }), timeoutMs);
    attempts.set(id, news);
    stop = start(news);
  });
}

function attemptTcp(id: number, attempt: Attempt): Promise<Seen> {
  return waitForNews(id, attempt.timeoutMs, (news) => {
    const socket = connect({ host: attempt.address, port: attempt.port, localAddress: attempt.source });
    let text = "";
    socket.on("error", (error) => news(seenOfError(error)));
    socket.on("end", () => news({ kind: "error", code: "closed without an answer" }));
    socket.on("data", (bytes) => {
      text += bytes.toString("utf8");
      if (text.endsWith("\n")) news({ kind: "answered", by: JSON.parse(text) as Greeting });
    });
    // A reset leaves neither end in TIME_WAIT, so thousands of attempts use up no ports.
    return () => void socket.resetAndDestroy();
  });
}

function attemptUdp(id: number, attempt: Attempt): Promise<Seen> {
  return waitForNews(id, attempt.timeoutMs, (news) => {
    // Connected, so that ICMP errors and only answers from the address that was asked are delivered.
    const socket = createSocket(udpType(attempt.address));
    let resend: NodeJS.Timeout | undefined;
    const send = () =>
      socket.send("?", (error) => {
        // The node's own packet was dropped or refused in OUTPUT. If refused, ECONNREFUSED follows as an event.
        if (error !== null && errorCode(error) !== "EPERM") news(seenOfError(error));
      });
    socket.on("error", (error) => news(seenOfError(error)));
    socket.on("message", (bytes) => news({ kind: "answered", by: JSON.parse(bytes.toString("utf8")) as Greeting }));
    socket.bind(0, attempt.source, () =>
      socket.connect(attempt.port, attempt.address, (error?: Error) => {
        if (error !== undefined && error !== null) return news(seenOfError(error));
        if (!attempts.has(id)) return;
        send();
        resend = setInterval(send, udpResendMs);
      }),
    );
    return () => {
      clearInterval(resend);
      socket.close();
    };
  });
}

function run(argv: readonly string[], input: string): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0] ?? "", argv.slice(1), { stdio: "pipe" });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    // A program that ends before it has read everything says why in its status.
    child.stdin.on("error", () => {});
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stdout, stderr }));
    child.stdin.end(input);
  });
}

async function writeSysctl(value: SysctlValue): Promise<void> {
  try {
    await writeFile(`/proc/sys/${value.name}`, value.value);
  } catch (error) {
    if (!value.optional) throw error;
  }
}

/** From /proc/net/snmp (a line of names, a line of values) and snmp6 (a name and value a line). */
async function unreachables(): Promise<number> {
  const lines = (await readFile("/proc/net/snmp", "utf8")).split("\n").filter((line) => line.startsWith("Icmp:"));
  const column = (lines[0] ?? "").split(" ").indexOf("InDestUnreachs");
  const ipv4 = Number((lines[1] ?? "").split(" ")[column] ?? 0);
  const text6 = await readFile("/proc/net/snmp6", "utf8").catch(() => "");
  return ipv4 + Number(/^Icmp6InDestUnreachs\s+(\d+)/m.exec(text6)?.[1] ?? 0);
}

/** Modules stay loaded, so that the second call is quick. */
async function call(module: string, input: unknown): Promise<unknown> {
  const loaded: unknown = await import(module);
  const isCallable = typeof loaded === "object" && loaded !== null && "default" in loaded;
  if (!isCallable || typeof loaded.default !== "function") throw new Error(`${module} exports no default function`);
  return loaded.default(input);
}

async function stopLoops(): Promise<readonly LoopReport[]> {
  const reports = await Promise.all([...loops].map((loop) => loop.stop()));
  loops.clear();
  return reports;
}

async function handle(id: number, request: AgentRequest): Promise<unknown> {
  switch (request.op) {
    case "sysctl":
      for (const value of request.values) await writeSysctl(value);
      return null;
    case "run":
      return run(request.argv, request.input);
    case "serve":
      await Promise.all(request.listeners.map((each) => (each.protocol === "tcp" ? serveTcp(each) : serveUdp(each))));
      return null;
    case "reset":
      reset();
      return null;
    case "attempt":
      return request.attempt.protocol === "tcp" ? attemptTcp(id, request.attempt) : attemptUdp(id, request.attempt);
    case "give-up":
      attempts.get(request.attempt)?.({ kind: "silent" });
      return null;
    case "unreachables":
      return unreachables();
    case "call":
      return call(request.module, request.input);
    case "start-loops":
      for (const loop of request.loops) loops.add(startLoop(loop));
      return null;
    case "stop-loops":
      return stopLoops();
  }
}

function answer(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { id, ...request } = JSON.parse(line) as AgentRequest & { readonly id: number };
    handle(id, request as AgentRequest).then(
      (result) => answer({ id, result }),
      (error: unknown) => answer({ id, error: String(error) }),
    );
  })
  .on("close", () => process.exit(0));
answer({ id: 0, result: "ready" });
