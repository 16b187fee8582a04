import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, startChild } from "./child.ts";
import type { Contender } from "./contenders.ts";
import type { Role } from "./ports.ts";
import { processorSeconds, residentMegabytes } from "./processes.ts";
import type { Figures } from "./rounds.ts";

/** Measurements: a client's work in a process of its own, and what the processes in between used meanwhile. */

const here = dirname(fileURLToPath(import.meta.url));

interface Way {
  readonly port: number;
  /** null: nothing is in between. */
  readonly pid: number | null;
}

function wayOf({ name, ports, processes }: Contender, role: Role): Way {
  const port = ports[role];
  if (port === undefined) throw new RangeError(`${name} has no way to ${role}`);
  return { port, pid: processes[role]?.pid ?? null };
}

function used(pid: number | null): number {
  return pid === null ? Number.NaN : processorSeconds(pid);
}

/** A client of its own for one load. */
async function load(...args: readonly (string | number)[]): Promise<Figures> {
  const child = await startChild([process.execPath, join(here, "load.js"), ...args.map(String)]);
  try {
    return await figuresOf(child);
  } finally {
    await child.close();
  }
}

/** The next line of figures that a client prints. */
export async function figuresOf(client: Child): Promise<Figures> {
  const line = await client.line();
  const read: unknown = JSON.parse(line);
  if (typeof read !== "object" || read === null) throw new TypeError(line);
  return Object.fromEntries(Object.entries(read).map(([key, value]) => [key, Number(value)]));
}

/** Bytes of `streams` connections from the server (`down`) or to it (`up`). */
export async function streams(
  contender: Contender,
  direction: "down" | "up",
  count: number,
  seconds: number,
): Promise<Figures> {
  const { port, pid } = wayOf(contender, direction === "down" ? "source" : "sink");
  const before = used(pid);
  const { bytes = 0, seconds: took = 1 } = await load(direction, port, count, seconds);
  const cost = used(pid) - before;
  return { "MB/s": bytes / 1e6 / took, "s/GB": cost / (bytes / 1e9), "MB/cpu-s": bytes / 1e6 / cost };
}

/** One connection for each request, 64 at once, by wrk. */
export async function connections(contender: Contender, seconds: number): Promise<Figures> {
  const { port, pid } = wayOf(contender, "http");
  const before = used(pid);
  const url = `http://127.0.0.1:${port}/`;
  const wrk = await startChild(["wrk", "-t1", "-c64", `-d${seconds}s`, "-H", "Connection: close", url]);
  let text = "";
  for await (const line of linesOf(wrk.line)) text += `${line}\n`;
  const [, requests, took] = /(\d+) requests in ([\d.]+)s/.exec(text) ?? [];
  if (requests === undefined) throw new Error(`wrk said:\n${text}`);
  const failed = /Non-2xx|Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const cost = used(pid) - before;
  return {
    "conn/s": Number(requests) / Number(took),
    "us/conn": (cost / Number(requests)) * 1e6,
    "conn/cpu-s": Number(requests) / cost,
    failed: failed === null ? 0 : failed.slice(1).reduce((sum, each) => sum + Number(each), 0),
  };
}

async function* linesOf(next: () => Promise<string>): AsyncGenerator<string> {
  while (true) {
    try {
      yield await next();
    } catch {
      return;
    }
  }
}

/** Small requests at a rate that all can bear, over 64 kept connections. */
export async function requests(contender: Contender, rate: number, seconds: number): Promise<Figures> {
  const { port, pid } = wayOf(contender, "http");
  const before = used(pid);
  const figures = await load("rate", port, 64, seconds, rate);
  const done = figures.requests ?? 0;
  return {
    p50: figures.p50 ?? Number.NaN,
    p99: figures.p99 ?? Number.NaN,
    "us/request": ((used(pid) - before) / done) * 1e6,
    missing: Math.floor(rate * seconds) - done,
  };
}

/** Memory that connections cost which say nothing. */
export async function idle(contender: Contender, count: number): Promise<Figures> {
  const { port, pid } = wayOf(contender, "greeter");
  if (pid === null) return { MB: Number.NaN, "kB/conn": Number.NaN };
  const before = residentMegabytes(pid);
  const client = await startChild([process.execPath, join(here, "load.js"), "idle", String(port), String(count), "0"]);
  try {
    await client.line();
    const after = residentMegabytes(pid);
    return { MB: after, "kB/conn": ((after - before) * 1024) / count };
  } finally {
    await client.close();
  }
}

/** Packets of 64 bytes to the echo and back, 32 clients with one under way each. */
export async function packets(contender: Contender, seconds: number): Promise<Figures> {
  const { port, pid } = wayOf(contender, "echo");
  const before = used(pid);
  const { packets: got = 0, seconds: took = 1, resent = 0 } = await load("udp", port, 32, seconds);
  const cost = used(pid) - before;
  return { "packets/s": got / took, "us/packet": (cost / got) * 1e6, "packets/cpu-s": got / cost, resent };
}
