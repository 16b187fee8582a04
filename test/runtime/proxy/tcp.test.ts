import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { BufferPool } from "../../../runtime/proxy/buffers.ts";
import { Pipe } from "../../../runtime/proxy/pipe.ts";
import { listenTcp } from "../../../runtime/proxy/tcp-listen.ts";
import { address, echo, endpoint, exchange, freePort, received, runningProxy, saying } from "../../support/proxy.ts";

/** One service on a free port, with these endpoints. */
async function proxyTo(ports: readonly number[], settings = {}) {
  const service = { port: await freePort(), endpoints: ports.map((port) => ({ port })) };
  return runningProxy([service], settings);
}

const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

describe("a connection", () => {
  it("carries every byte both ways, whatever the size of the pieces", async () => {
    const proxy = await proxyTo([(await endpoint(echo)).port]);
    const bytes = randomBytes(5_000_000);
    const socket = connect({ host: "127.0.0.1", port: proxy.portOf(0), allowHalfOpen: true });
    const back = received(socket);
    for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7) % 300_007) {
      if (!socket.write(bytes.subarray(at, at + size))) await once(socket, "drain");
    }
    socket.end();
    expect(digest(await back)).toBe(digest(bytes));
    expect(proxy.engine.pools[0]?.endpoints[0]).toMatchObject({
      connections: 1,
      bytesToEndpoint: bytes.length,
      bytesToClient: bytes.length,
    });
    expect(proxy.engine.buffers.lentBytes).toBe(0);
  });

  it("may end on the client's side first", async () => {
    const answering = await endpoint((socket) => {
      let length = 0;
      socket.on("data", (bytes: Buffer) => {
        length += bytes.length;
      });
      socket.on("end", () => socket.end(`${length} bytes until you ended`));
    });
    const proxy = await proxyTo([answering.port]);
    expect(await exchange(proxy.portOf(0), "hello")).toBe("5 bytes until you ended");
  });

  it("may end on the endpoint's side first", async () => {
    let heard = "";
    const ending = await endpoint((socket) => {
      socket.end("I have said all");
      socket.setEncoding("utf8").on("data", (text) => {
        heard += text;
      });
    });
    const proxy = await proxyTo([ending.port]);
    const socket = connect({ host: "127.0.0.1", port: proxy.portOf(0), allowHalfOpen: true });
    expect((await received(socket)).toString()).toBe("I have said all");
    socket.end("but I have not");
    await once(socket, "close");
    await expect.poll(() => heard).toBe("but I have not");
  });

  it("that an endpoint resets is reset for the client, not ended", async () => {
    const resetting = await endpoint((socket) => void socket.once("data", () => socket.resetAndDestroy()));
    const proxy = await proxyTo([resetting.port]);
    await expect(exchange(proxy.portOf(0), "hello")).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(proxy.engine.counters[0]?.ends["endpoint-reset"]).toBe(1);
  });

  it("that the client resets is reset for the endpoint", async () => {
    let error: NodeJS.ErrnoException | null = null;
    const listening = await endpoint((socket) => {
      socket.write("go on");
      socket.on("error", (found: NodeJS.ErrnoException) => {
        error = found;
      });
    });
    const proxy = await proxyTo([listening.port]);
    const socket: Socket = connect(proxy.portOf(0), "127.0.0.1");
    await once(socket, "data");
    socket.resetAndDestroy();
    await expect.poll(() => error).toMatchObject({ code: "ECONNRESET" });
  });
});

describe("a connection that lasts", () => {
  it("is watched by the kernel on both sides from the next sweep on, a short one is not", async () => {
    const { port } = await endpoint(echo);
    const proxy = await proxyTo([port]);
    const socket = connect(proxy.portOf(0), "127.0.0.1");
    socket.write("?");
    await once(socket, "data");
    const watched = () => [watchedAt({ local: proxy.portOf(0) }), watchedAt({ remote: port })];
    expect(watched()).toEqual([false, false]);
    proxy.later(500);
    expect(watched()).toEqual([true, true]);
    socket.destroy();
  });
});

/** Whether the established connection of 127.0.0.1 has a keep-alive timer: proc_net_tcp(5), field `tr`. */
function watchedAt({ local, remote }: { local?: number; remote?: number }): boolean {
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1);
  const portOf = (text = "") => Number.parseInt(text.split(":")[1] ?? "", 16);
  const line = lines
    .map((text) => text.trim().split(/\s+/))
    .find(([, from, to, state]) => state === "01" && (portOf(from) === local || portOf(to) === remote));
  return line?.[5]?.startsWith("02:") ?? false;
}

describe("a socket that is read by events, where Node.js gives no handles", () => {
  it("is passed on whole as well", async () => {
    const pool = new BufferPool();
    const port = await freePort();
    const listener = await listenTcp({
      address: address("127.0.0.1"),
      port,
      readsByEvents: true,
      onError: () => {},
      onClient: (open) => {
        const pipe = new Pipe({ tick: 0, passed: () => {} }, pool);
        const socket = open({ buffer: pipe.buffer, callback: pipe.read });
        pipe.from = socket;
        pipe.to = socket;
        socket.on("end", () => socket.end());
        pipe.go();
      },
    });
    const bytes = randomBytes(3_000_000);
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    socket.end(bytes);
    expect(digest(await received(socket))).toBe(digest(bytes));
    listener.close();
  });
});

describe("endpoints", () => {
  it("that answer in time are not given up because this process looked late", async () => {
    const { port } = await endpoint(saying("here"));
    const proxy = await proxyTo([port], { attemptMs: [20], dialMs: 1000 });
    const now = vi.spyOn(proxy.engine, "now");
    const busy = new Int32Array(new SharedArrayBuffer(4));
    // the clock is asked just before the attempt begins
    now.mockImplementationOnce(() => {
      setImmediate(() => Atomics.wait(busy, 0, 0, 60));
      return performance.now();
    });
    expect(await exchange(proxy.portOf(0), "?")).toBe("here");
    expect(proxy.engine.pools[0]?.endpoints[0]).toMatchObject({ timedOut: 0, connections: 1 });
  });

  it("get connections in turn", async () => {
    const [one, two] = [await endpoint(saying("one")), await endpoint(saying("two"))];
    const proxy = await proxyTo([one.port, two.port]);
    const answers: string[] = [];
    for (let at = 0; at < 4; at++) answers.push(await exchange(proxy.portOf(0), "?"));
    expect(answers).toEqual(["one", "two", "one", "two"]);
  });

  it("that refuse are passed over, and then left alone", async () => {
    const answering = await endpoint(saying("here"));
    const proxy = await proxyTo([await freePort(), answering.port]);
    for (let at = 0; at < 20; at++) expect(await exchange(proxy.portOf(0), "?")).toBe("here");
    expect(proxy.engine.pools[0]?.endpoints.map(({ refused }) => refused)).toEqual([1, 0]);
  });

  it("that all refuse leave the client without an answer, in the end", async () => {
    const proxy = await proxyTo([await freePort()], { attemptMs: [1, 1] });
    await expect(exchange(proxy.portOf(0), "?")).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(proxy.engine.counters[0]).toMatchObject({ ends: { unanswered: 1 }, retries: 2 });
  });

  it("that come back are found by the proxy itself, not by a client", async () => {
    const [port, other] = [await freePort(), await endpoint(saying("other"))];
    const proxy = await proxyTo([port, other.port]);
    expect(await exchange(proxy.portOf(0), "?")).toBe("other");
    await endpoint(saying("back"), "127.0.0.1", port);
    proxy.later(1000);
    await expect.poll(() => exchange(proxy.portOf(0), "?")).toBe("back");
  });
});
