import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ProxySettings } from "../../../runtime/proxy/settings.ts";
import { endpoint, exchange, freePort, type RunningProxy, runningProxy, saying } from "../../support/proxy.ts";

/** Nobody listens. */
const refusing = freePort;
/** Accepts, and resets when something comes. */
const resetting = async (): Promise<number> =>
  (await endpoint((socket: Socket) => void socket.once("data", () => socket.resetAndDestroy()))).port;
/** Accepts, and resets at once. */
const slamming = async (): Promise<number> => (await endpoint((socket: Socket) => void socket.resetAndDestroy())).port;
const answering = async (): Promise<number> => (await endpoint(saying("here"))).port;

/** Listens, accepts nobody, and its queue is full: the kernel drops what asks to connect. */
async function swallowing(): Promise<number> {
  const program = `require("net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () {
    console.log(this.address().port);
  })`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const port = Number(line);
  child.kill("SIGSTOP");
  const fill = async () => {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    onTestFinished(() => void socket.destroy());
    await once(socket, "connect");
  };
  await fill();
  await fill();
  return port;
}

async function proxyTo(ports: readonly number[], settings: Partial<ProxySettings> = {}): Promise<RunningProxy> {
  return runningProxy([{ port: await freePort(), endpoints: ports.map((port) => ({ port })) }], settings);
}

/** How many of so many requests, some at a time, got no answer. */
async function failuresOf(proxy: RunningProxy, requests: number): Promise<number> {
  let [left, failed] = [requests, 0];
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      await exchange(proxy.portOf(0), "?").then(
        (text) => void (text === "here" || failed++),
        () => void failed++,
      );
    }
  };
  await Promise.all(Array.from({ length: 16 }, client));
  return failed;
}

describe("as long as one endpoint lives, every client gets an answer", () => {
  it.each([
    ["refuse", refusing],
    ["swallow what comes", swallowing],
    ["reset what they have accepted", slamming],
  ])("when others %s", async (_, broken) => {
    const proxy = await proxyTo([await broken(), await answering(), await broken()]);
    expect(await failuresOf(proxy, 300)).toBe(0);
    const tried = proxy.engine.pools[0]?.endpoints.map(({ refused, timedOut, resets }) => refused + timedOut + resets);
    expect(tried?.[0], "the broken endpoint was met").toBeGreaterThan(0);
    expect(tried?.[0], "and then left alone").toBeLessThanOrEqual(16);
  });

  it("also when they reset what they have been sent, if it may be sent again", async () => {
    const proxy = await proxyTo([await resetting(), await answering()], { resendBytes: 1024 });
    expect(await failuresOf(proxy, 300)).toBe(0);
  });
});

describe("an endpoint that resets what it was sent", () => {
  it("is left alone after a few clients, whose request may have been acted on", async () => {
    const proxy = await proxyTo([await resetting(), await answering()]);
    const failed = await failuresOf(proxy, 300);
    expect(failed).toBeGreaterThan(0);
    expect(failed).toBeLessThanOrEqual(16);
    expect(proxy.engine.counters[0]?.retries).toBe(0);
  });

  it("is no failing one because of one strange client", async () => {
    const strange = await endpoint((socket) => {
      socket.once("data", (bytes) => (String(bytes) === "strange" ? socket.resetAndDestroy() : socket.end("here")));
    });
    const proxy = await proxyTo([strange.port]);
    for (let at = 0; at < 8; at++) {
      await exchange(proxy.portOf(0), "strange").catch(() => {});
      expect(await exchange(proxy.portOf(0), "?")).toBe("here");
    }
    expect(proxy.log.filter((line) => line.includes("endpoint-failing"))).toEqual([]);
  });
});

describe("a service whose only endpoint starts anew", () => {
  it("answers late, not never", async () => {
    const port = await freePort();
    const proxy = await proxyTo([port]);
    const answer = exchange(proxy.portOf(0), "?");
    await expect.poll(() => proxy.engine.pools[0]?.endpoints[0]?.refused).toBe(1);
    await endpoint(saying("here"), "127.0.0.1", port);
    expect(await answer).toBe("here");
  });
});
