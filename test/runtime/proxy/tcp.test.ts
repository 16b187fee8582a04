import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { echo, endpoint, exchange, freePort, received, runningProxy, saying } from "../../support/proxy.ts";

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

describe("endpoints", () => {
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
