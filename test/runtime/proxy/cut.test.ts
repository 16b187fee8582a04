import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { cut } from "../../../runtime/proxy/cut.ts";
import { endpoint, freePort } from "../../support/proxy.ts";

const turn = (): Promise<void> => new Promise((resolve) => void process.nextTick(resolve));

/** A socket, and the one at the other end. */
async function pair(): Promise<[Socket, Socket]> {
  let accepted: (socket: Socket) => void = () => {};
  const far = new Promise<Socket>((resolve) => {
    accepted = resolve;
  });
  const { port } = await endpoint((socket) => accepted(socket));
  const near = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  await once(near, "connect");
  return [near, await far];
}

describe("a connection that is cut", () => {
  it.each([0, 1, 2, 3, 4, 5])("leaves no descriptor, nor an error, %i turns after its end", async (turns) => {
    const [near, far] = await pair();
    const errors: unknown[] = [];
    near.on("error", (error) => errors.push(error));
    const open = readdirSync("/proc/self/fd").length;
    near.end("all there is");
    for (let at = 0; at < turns; at++) await turn();
    cut(near);
    far.resume();
    far.end();
    if (!far.closed) await once(far, "close");
    await expect.poll(() => readdirSync("/proc/self/fd").length).toBe(open - 2);
    expect(errors).toEqual([]);
  });

  it("is over at once where something was still to be sent", async () => {
    const [near, far] = await pair();
    const open = readdirSync("/proc/self/fd").length;
    near.write(Buffer.alloc(50_000_000));
    near.end();
    cut(near);
    let got = 0;
    far.on("error", () => {});
    far.on("data", (bytes: Buffer) => {
      got += bytes.length;
    });
    far.on("end", () => far.end());
    if (!far.closed) await once(far, "close");
    // libuv may tell a reset behind some bytes as a plain end: what counts is that the rest does not come
    expect(got).toBeLessThan(50_000_000);
    await expect.poll(() => readdirSync("/proc/self/fd").length).toBe(open - 2);
  });

  it("is not waited for while it connects", async () => {
    const socket = connect({ host: "127.0.0.1", port: await freePort() });
    socket.on("error", () => {});
    cut(socket);
    expect(socket.destroyed).toBe(true);
  });
});
