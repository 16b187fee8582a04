import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { echo, endpoint, exchange, freePort, runningProxy, saying, type TestService } from "../../support/proxy.ts";

const serviceOf = async (port: number, more: Partial<TestService> = {}): Promise<TestService> => ({
  port: await freePort(),
  endpoints: [{ port }],
  ...more,
});

/** A connection of which both sides have heard something. */
async function opened(port: number, localAddress = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, localAddress });
  socket.on("error", () => {});
  socket.write("?");
  await once(socket, "data");
  return socket;
}

const gone = (socket: Socket) => new Promise<void>((resolve) => void socket.once("close", () => resolve()));
const refused = (port: number, localAddress?: string) =>
  expect(opened(port, localAddress), "a client above the limit").rejects.toMatchObject({
    code: expect.stringMatching(/ECONNRESET|EPIPE/),
  });

describe("limits", () => {
  it("of all connections, and of one client's", async () => {
    const { port } = await endpoint(echo);
    const proxy = await runningProxy([await serviceOf(port)], { maxConnections: 3, maxPerClient: 2 });
    const first = await opened(proxy.portOf(0));
    await opened(proxy.portOf(0));
    await refused(proxy.portOf(0));
    await opened(proxy.portOf(0), "127.0.0.2");
    await refused(proxy.portOf(0), "127.0.0.3");
    expect(proxy.engine.counters[0]?.refusals).toMatchObject({ client: 1, connections: 1 });
    first.end();
    await gone(first);
    await expect.poll(() => proxy.engine.connections).toBe(2);
    await opened(proxy.portOf(0));
  });

  it("of memory", async () => {
    const { port } = await endpoint(echo);
    const proxy = await runningProxy([await serviceOf(port)], { maxMemoryBytes: 1 });
    await refused(proxy.portOf(0));
    expect(proxy.engine.counters[0]?.refusals.memory).toBe(1);
  });

  it("of sources, where no rule enforces them", async () => {
    const { port } = await endpoint(saying("here"));
    const proxy = await runningProxy([await serviceOf(port, { sourceRanges: ["127.0.0.2/32"] })]);
    await refused(proxy.portOf(0));
    expect((await opened(proxy.portOf(0), "127.0.0.2")).destroyed).toBe(false);
    expect(proxy.engine.counters[0]?.refusals.source).toBe(1);
  });

  it("of silence", async () => {
    const { port } = await endpoint(echo);
    const proxy = await runningProxy([await serviceOf(port)], { idleMs: 10_000, halfClosedMs: 1000 });
    const ended = gone(await opened(proxy.portOf(0)));
    proxy.later(9000);
    expect(proxy.engine.connections).toBe(1);
    proxy.later(2000);
    await ended;
    expect(proxy.engine.counters[0]?.ends.idle).toBe(1);
  });

  it("of silence after one side has ended", async () => {
    let hasEnded = false;
    const { port } = await endpoint((socket) => {
      socket.write("!");
      socket.resume().on("end", () => {
        hasEnded = true;
      });
    });
    const proxy = await runningProxy([await serviceOf(port)], { idleMs: 10_000, halfClosedMs: 1000 });
    const socket = await opened(proxy.portOf(0));
    socket.end();
    await expect.poll(() => hasEnded).toBe(true);
    const closed = gone(socket);
    proxy.later(2000);
    await closed;
    expect(proxy.engine.counters[0]?.ends.idle).toBe(1);
  });

  it("of a receiver's patience: what waits for it is bounded, and it is cut off in the end", async () => {
    let sent = 0;
    const flooding = await endpoint((socket) => {
      const chunk = Buffer.alloc(65_536);
      const more = (): void => {
        while (socket.writableLength < 1_000_000 && !socket.destroyed) {
          socket.write(chunk, () => {
            sent += chunk.length;
          });
        }
      };
      socket.on("drain", more);
      more();
    });
    const proxy = await runningProxy([await serviceOf(flooding.port)], { stallMs: 60_000 });
    const slow = connect({ host: "127.0.0.1", port: proxy.portOf(0) }).pause();
    slow.on("error", () => {});
    await once(slow, "connect");
    let before = -1;
    await expect
      .poll(
        () => {
          const same = before === sent && sent > 0;
          before = sent;
          return same;
        },
        { interval: 200, timeout: 10_000 },
      )
      .toBe(true);
    expect(proxy.engine.buffers.lentBytes).toBeLessThanOrEqual(256 * 1024);
    proxy.later(60_000);
    proxy.later(60_000);
    expect(proxy.engine.counters[0]?.ends.stalled).toBe(1);
    await gone(slow.resume());
    await expect.poll(() => proxy.engine.buffers.lentBytes).toBe(0);
  });
});

/** Open descriptors of this process that are sockets. */
function sockets(): number {
  return readdirSync("/proc/self/fd").length;
}

describe("descriptors", () => {
  it("are all given back, whatever way connections end", async () => {
    const resetting = await endpoint((socket) => void socket.once("data", () => socket.resetAndDestroy()));
    const answering = await endpoint(saying("here"));
    const proxy = await runningProxy([await serviceOf(resetting.port), await serviceOf(answering.port)]);
    await exchange(proxy.portOf(1), "?");
    await expect.poll(() => proxy.engine.connections).toBe(0);
    const before = sockets();
    for (let round = 0; round < 20; round++) {
      await Promise.allSettled([
        exchange(proxy.portOf(0), "?"),
        exchange(proxy.portOf(1), "?"),
        new Promise<void>((resolve) => {
          const socket = connect(proxy.portOf(1), "127.0.0.1", () => {
            socket.resetAndDestroy();
            resolve();
          });
        }),
      ]);
    }
    await expect.poll(() => proxy.engine.connections).toBe(0);
    await expect.poll(sockets).toBeLessThanOrEqual(before);
    expect(proxy.engine.pools.flatMap(({ endpoints }) => endpoints.map(({ active }) => active))).toEqual([0, 0]);
  });
});
