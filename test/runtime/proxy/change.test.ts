import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { echo, endpoint, exchange, freePort, runningProxy, saying, type TestService } from "../../support/proxy.ts";

async function serviceOf(ports: readonly number[], more: Partial<TestService> = {}): Promise<TestService> {
  return { port: await freePort(), endpoints: ports.map((port) => ({ port })), ...more };
}

async function opened(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  await ping(socket);
  return socket;
}

async function ping(socket: Socket): Promise<void> {
  socket.write("?");
  await once(socket, "data");
}

const gone = (socket: Socket) => new Promise<void>((resolve) => void socket.once("close", () => resolve()));

describe("a new table", () => {
  it("leaves connections of draining endpoints alone, and gives them nothing new", async () => {
    const [old, next] = [await endpoint(echo), await endpoint(saying("next"))];
    const service = await serviceOf([old.port]);
    const proxy = await runningProxy([service], { drainMs: 1000 });
    const socket = await opened(proxy.portOf(0));
    await proxy.take([{ ...service, endpoints: [{ port: next.port }], drained: [{ port: old.port }] }]);
    expect(await exchange(proxy.portOf(0), "?")).toBe("next");
    proxy.later(100_000);
    await ping(socket);
    expect(old.accepted()).toBe(1);
  });

  it("gives connections of endpoints that left their time, and no more", async () => {
    const [old, next] = [await endpoint(echo), await endpoint(saying("next"))];
    const service = await serviceOf([old.port]);
    const proxy = await runningProxy([service], { drainMs: 1000 });
    const socket = await opened(proxy.portOf(0));
    await proxy.take([{ ...service, endpoints: [{ port: next.port }] }]);
    expect(await exchange(proxy.portOf(0), "?")).toBe("next");
    proxy.later(900);
    await ping(socket);
    proxy.later(200);
    await gone(socket);
    expect(proxy.engine.counters[0]?.ends.drained).toBe(1);
    proxy.later(1);
    expect(proxy.engine.pools[0]?.endpoints.map(({ port }) => port)).toEqual([next.port]);
  });

  it("takes back what it said of an endpoint that returns in time", async () => {
    const [one, two] = [await endpoint(echo), await endpoint(saying("two"))];
    const service = await serviceOf([one.port]);
    const proxy = await runningProxy([service], { drainMs: 1000 });
    const socket = await opened(proxy.portOf(0));
    await proxy.take([{ ...service, endpoints: [{ port: two.port }] }]);
    await proxy.take([service]);
    proxy.later(5000);
    await ping(socket);
  });

  it("ends listening for services that it does not have, and their connections in time", async () => {
    const one = await endpoint(echo);
    const service = await serviceOf([one.port]);
    const proxy = await runningProxy([service], { drainMs: 1000 });
    const port = proxy.portOf(0);
    const socket = await opened(port);
    await proxy.take([]);
    await expect(exchange(port, "?")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await ping(socket);
    proxy.later(1100);
    await gone(socket);
    proxy.later(1);
    expect(proxy.engine.pools).toEqual([]);
  });

  it("may give a port to another service", async () => {
    const [one, two] = [await endpoint(saying("one")), await endpoint(saying("two"))];
    const port = await freePort();
    const proxy = await runningProxy([{ name: "a/a", port, endpoints: [{ port: one.port }] }]);
    expect(await exchange(port, "?")).toBe("one");
    await proxy.take([
      { name: "b/b", port: await freePort(), endpoints: [{ port: one.port }] },
      { name: "a/a", port, endpoints: [{ port: two.port }] },
    ]);
    expect(await exchange(proxy.portOf(1), "?")).toBe("two");
    expect(await exchange(proxy.portOf(0), "?")).toBe("one");
  });

  it("100 times under load fails nobody", async () => {
    const all = await Promise.all(["one", "two", "three"].map((text) => endpoint(saying(text))));
    const port = await freePort();
    const tableOf = (round: number): readonly TestService[] => [
      {
        port,
        endpoints: all
          .filter((_, at) => at !== round % 3)
          .map((each) => ({ port: each.port, weight: 1 + (round % 2) })),
      },
      { port: port === 65_535 ? 1025 : port + 1, endpoints: round % 2 === 0 ? [] : [{ port: all[0]?.port ?? 0 }] },
    ];
    const proxy = await runningProxy(tableOf(0));
    let isOver = false;
    let answered = 0;
    const failures: unknown[] = [];
    const client = async (): Promise<void> => {
      while (!isOver) {
        await exchange(proxy.portOf(0), "?").then(
          () => answered++,
          (error: unknown) => failures.push(error),
        );
      }
    };
    const clients = Array.from({ length: 8 }, client);
    for (let round = 1; round <= 100; round++) {
      await proxy.take(tableOf(round));
      const wanted = answered + 8;
      await expect.poll(() => answered + failures.length, { interval: 1 }).toBeGreaterThanOrEqual(wanted);
    }
    isOver = true;
    await Promise.all(clients);
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(800);
  });
});

describe("affinity", () => {
  const affinity = { timeoutSeconds: 10, prefixLength: 32 };

  it("keeps a client with its endpoint, from its last use on", async () => {
    const ends = await Promise.all(["one", "two"].map((text) => endpoint(saying(text))));
    const proxy = await runningProxy([
      await serviceOf(
        ends.map(({ port }) => port),
        { affinity },
      ),
    ]);
    const ask = () => exchange(proxy.portOf(0), "?");
    expect([await ask(), await ask()]).toEqual(["one", "one"]);
    proxy.later(9000);
    expect(await ask()).toBe("one");
    proxy.later(9000);
    expect(await ask()).toBe("one");
    proxy.later(10_000);
    expect(await ask()).toBe("two");
  });

  it("moves the client for good when its endpoint fails, and forgets endpoints that left", async () => {
    const [first, second] = [await endpoint(saying("one")), await endpoint(saying("two"))];
    const service = await serviceOf([first.port, second.port], { affinity });
    const proxy = await runningProxy([service]);
    const ask = () => exchange(proxy.portOf(0), "?");
    expect(await ask()).toBe("one");
    first.close();
    expect([await ask(), await ask()]).toEqual(["two", "two"]);
    await proxy.take([{ ...service, endpoints: [{ port: first.port }] }]);
    expect(proxy.engine.pools[0]?.remembered).toBe(0);
  });
});

describe("the end", () => {
  it("waits for connections, but not for ever", async () => {
    const one = await endpoint(echo);
    const proxy = await runningProxy([await serviceOf([one.port])], { drainMs: 1000 });
    const port = proxy.portOf(0);
    const [staying, leaving] = [await opened(port), await opened(port)];
    let isClosed = false;
    const closed = proxy.engine.close().then(() => {
      isClosed = true;
    });
    await expect(exchange(port, "?")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    leaving.end();
    await gone(leaving);
    await ping(staying);
    expect(isClosed).toBe(false);
    proxy.later(1100);
    await closed;
    await gone(staying);
  });
});
