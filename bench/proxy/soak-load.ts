import { createCipheriv, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/**
 * A client of the soak in a process of its own: `node soak-load.js KIND PORT COUNT SIZE`. Prints one line of JSON with
 * what went well and what did not; `wrong` must be 0. Kinds:
 * - `exact`: COUNT streams of SIZE bytes to an echo, each byte compared when it comes back
 * - `half-closed`: COUNT clients that send SIZE bytes, end their side, and then read all of it
 * - `resets`: COUNT clients that reset in the middle of SIZE bytes
 * - `kept`: COUNT connections that are opened, and each says something now and then, until its input is closed
 * - `slow`: COUNT clients of an endless sender, who read nothing until its input is closed
 * - `udp`: COUNT clients with a socket each, who ask three times
 */
const [kind = "", portText = "", countText = "", sizeText = "0"] = process.argv.slice(2);
const [port, count, size] = [Number(portText), Number(countText), Number(sizeText)];
const host = "127.0.0.1";
const piece = 256 * 1024;
/** Connections that are opened at the same time. */
const atOnce = 200;

let right = 0;
let wrong = 0;
let bytes = 0;

/** The same endless bytes for the same key, at gigabytes a second, and no part like another. */
function keystream(key: Buffer): (length: number) => Buffer {
  const cipher = createCipheriv("aes-128-ctr", key, Buffer.alloc(16));
  const zeros = Buffer.alloc(piece);
  return (length) => cipher.update(zeros.subarray(0, length));
}

async function opened(options: { readonly port: number }): Promise<Socket> {
  const socket = connect({ host, ...options, allowHalfOpen: true, noDelay: true, autoSelectFamily: false });
  await once(socket, "connect");
  return socket;
}

async function send(socket: Socket, key: Buffer): Promise<void> {
  const next = keystream(key);
  for (let left = size; left > 0; left -= piece) {
    if (!socket.write(next(Math.min(piece, left)))) await once(socket, "drain");
  }
  socket.end();
}

/** Reads until the end; true when it was what `key` gives, neither more nor less. */
async function isExact(socket: Socket, key: Buffer): Promise<boolean> {
  const next = keystream(key);
  let got = 0;
  for await (const part of socket) {
    for (let at = 0; at < part.length; at += piece) {
      const slice = part.subarray(at, at + piece);
      if (!next(slice.length).equals(slice)) return false;
    }
    got += part.length;
    bytes += part.length;
  }
  return got === size;
}

async function exactly(): Promise<boolean> {
  const socket = await opened({ port });
  const key = randomBytes(16);
  const [same] = await Promise.all([isExact(socket, key), send(socket, key)]);
  return same;
}

async function halfClosed(): Promise<boolean> {
  const socket = await opened({ port });
  const key = randomBytes(16);
  await send(socket, key);
  return await isExact(socket, key);
}

/** A reset may cost the other side anything, but nothing comes that was not sent. */
async function reset(): Promise<boolean> {
  const socket = await opened({ port });
  const next = keystream(randomBytes(16));
  socket.on("error", () => undefined);
  socket.write(next(piece));
  await once(socket, "data");
  socket.write(next(piece));
  socket.resetAndDestroy();
  return true;
}

/** Runs `one` COUNT times, some at the same time. */
async function all(one: () => Promise<boolean>, parallel = atOnce): Promise<void> {
  let begun = 0;
  const worker = async (): Promise<void> => {
    while (begun < count) {
      begun++;
      if (await one().catch(() => false)) right++;
      else wrong++;
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, count) }, worker));
}

const kept: Socket[] = [];

/** One word there and back. */
async function ask(socket: Socket): Promise<boolean> {
  const word = randomBytes(16);
  socket.write(word);
  const [answer] = await once(socket, "data");
  return word.equals(answer);
}

async function keep(): Promise<boolean> {
  const socket = await opened({ port });
  kept.push(socket);
  return await ask(socket);
}

async function stall(): Promise<boolean> {
  const socket = await opened({ port });
  socket.pause();
  kept.push(socket);
  return true;
}

/** Until the input is closed: one connection after the other says something, all of them in about ten seconds. */
async function talk(): Promise<void> {
  let isOver = false;
  process.stdin.on("end", () => {
    isOver = true;
  });
  process.stdin.resume();
  while (!isOver) {
    for (let at = 0; at < kept.length && !isOver; at += 40) {
      const answers = await Promise.all(kept.slice(at, at + 40).map((socket) => ask(socket).catch(() => false)));
      for (const isRight of answers) isRight ? right++ : wrong++;
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
    }
  }
}

async function udpClient(): Promise<boolean> {
  const socket = createSocket("udp4");
  sockets.push(socket);
  await new Promise<void>((resolve) => {
    socket.connect(port, host, resolve);
  });
  for (let turn = 0; turn < 3; turn++) {
    const word = randomBytes(size);
    socket.send(word);
    const [answer] = await once(socket, "message", { signal: AbortSignal.timeout(5000) });
    if (!word.equals(answer)) return false;
  }
  return true;
}

const sockets: ReturnType<typeof createSocket>[] = [];

function tell(): void {
  process.stdout.write(`${JSON.stringify({ right, wrong, bytes })}\n`);
}

async function untilInputEnds(): Promise<void> {
  process.stdin.resume();
  await once(process.stdin, "end");
}

const kinds: Readonly<Record<string, () => Promise<void>>> = {
  exact: () => all(exactly, count),
  "half-closed": () => all(halfClosed, 50),
  resets: () => all(reset, 50),
  kept: async () => {
    await all(keep);
    tell();
    await talk();
  },
  slow: async () => {
    await all(stall);
    tell();
    await untilInputEnds();
  },
  udp: () => all(udpClient, 500),
};
const run = kinds[kind];
if (run === undefined) throw new Error(`no kind of soak ${kind}`);
await run();
tell();
process.exit(0);
