import { createSocket } from "node:dgram";
import { connect, type Socket } from "node:net";

/**
 * The client of one measurement, in a process of its own: `node load.js KIND PORT COUNT SECONDS [RATE]`.
 * Prints one line of JSON with its figures. Kinds:
 * - `down`, `up`: COUNT streams move bytes for SECONDS: `bytes`, `seconds`
 * - `rate`: RATE requests a second over COUNT kept connections, `requests`, `p50` and `p99` in
 *   microseconds, waiting for a free connection included
 * - `idle`: opens COUNT connections, prints, and holds them until its input is closed
 * - `udp`: COUNT clients with one packet of 64 bytes under way each: `packets`, `seconds`, `resent`
 */
const [kind = "", portText = "", countText = "", secondsText = "", rateText = "0"] = process.argv.slice(2);
const [port, count, seconds, rate] = [Number(portText), Number(countText), Number(secondsText), Number(rateText)];
const host = "127.0.0.1";
const now = (): number => Number(process.hrtime.bigint()) / 1e9;

function open(options: { onBytes?: (bytes: number, data: Uint8Array) => void } = {}): Promise<Socket> {
  const { onBytes } = options;
  const buffer = Buffer.allocUnsafe(1024 * 1024);
  const onread = {
    buffer,
    callback: (bytes: number, data: Uint8Array): boolean => {
      onBytes?.(bytes, data);
      return true;
    },
  };
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, onread, autoSelectFamily: false });
    socket.once("error", reject);
    socket.once("connect", () => resolve(socket));
  });
}

async function down(): Promise<object> {
  let bytes = 0;
  const onBytes = (got: number): void => {
    bytes += got;
  };
  const start = now();
  const sockets = await Promise.all(Array.from({ length: count }, () => open({ onBytes })));
  await later(seconds);
  const result = { bytes, seconds: now() - start };
  for (const socket of sockets) socket.destroy();
  return result;
}

async function up(): Promise<object> {
  const chunk = Buffer.alloc(1024 * 1024, "weir");
  const start = now();
  const deadline = start + seconds;
  const received = await Promise.all(
    Array.from({ length: count }, async () => {
      let answer = "";
      const socket = await open({
        onBytes: (length, data) => {
          answer += Buffer.from(data.subarray(0, length)).toString();
        },
      });
      const more = (): void => {
        while (now() < deadline) if (!socket.write(chunk)) return;
        socket.removeListener("drain", more);
        socket.end();
      };
      socket.on("drain", more);
      more();
      await new Promise((resolve) => socket.once("close", resolve));
      return Number(answer);
    }),
  );
  return { bytes: received.reduce((sum, each) => sum + each, 0), seconds: now() - start };
}

/** A connection for requests one after another. */
interface Requester {
  /** When the request under way was due; 0 without one. */
  due: number;
  readonly send: (due: number) => void;
}

const request = "GET / HTTP/1.1\r\nHost: weir\r\n\r\n";
const latencies: number[] = [];
/** When requests were due for which no connection was free. */
const waiting: number[] = [];

/** The answer's length is learnt from the first one. */
async function openRequester(): Promise<Requester> {
  let length = 0;
  let got = 0;
  let onFirst: () => void = () => undefined;
  const socket = await open({
    onBytes: (bytes) => {
      got += bytes;
      if (length === 0) {
        length = got;
        onFirst();
      } else if (got === length) {
        latencies.push(now() - requester.due);
        requester.due = 0;
        const next = waiting.shift();
        if (next !== undefined) requester.send(next);
      }
    },
  });
  const requester: Requester = {
    due: 0,
    send: (due) => {
      requester.due = due;
      got = 0;
      socket.write(request);
    },
  };
  await new Promise<void>((resolve) => {
    onFirst = resolve;
    socket.write(request);
  });
  return requester;
}

async function steady(): Promise<object> {
  const requesters = await Promise.all(Array.from({ length: count }, openRequester));
  const start = now();
  const total = Math.floor(rate * seconds);
  let sent = 0;
  await new Promise<void>((resolve) => {
    // due when the timer runs: how exact this process's timers are says nothing about a proxy
    const timer = setInterval(() => {
      const due = now();
      for (; sent < total && sent / rate <= due - start; sent++) {
        const free = requesters.find((each) => each.due === 0);
        if (free === undefined) waiting.push(due);
        else free.send(due);
      }
      if (latencies.length < total && due - start < 3 * seconds) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  const sorted = latencies.sort((a, b) => a - b);
  const at = (part: number): number => (sorted[Math.floor(sorted.length * part)] ?? 0) * 1e6;
  return { requests: sorted.length, p50: at(0.5), p99: at(0.99) };
}

async function idle(): Promise<object> {
  const atOnce = 200;
  const sockets: Socket[] = [];
  const one = async (): Promise<void> => {
    while (sockets.length < count) {
      const socket = connect({ host, port, autoSelectFamily: false });
      sockets.push(socket);
      await new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        socket.once("data", () => resolve());
      });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  process.stdin.on("end", () => process.exit(0)).resume();
  return { connections: sockets.length };
}

async function udp(): Promise<object> {
  let packets = 0;
  let resent = 0;
  const message = Buffer.alloc(64, "weir");
  const start = now();
  const sockets = Array.from({ length: count }, () => {
    const socket = createSocket("udp4");
    let last = 0;
    const send = (): void => {
      last = now();
      socket.send(message);
    };
    socket.on("message", () => {
      packets++;
      send();
    });
    socket.on("error", () => undefined);
    socket.connect(port, host, send);
    const timer = setInterval(() => {
      if (now() - last < 0.2) return;
      resent++;
      send();
    }, 100);
    return { socket, timer };
  });
  await later(seconds);
  const result = { packets, resent, seconds: now() - start };
  for (const { socket, timer } of sockets) {
    clearInterval(timer);
    socket.close();
  }
  return result;
}

function later(wait: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, wait * 1000);
  });
}

const kinds: Readonly<Record<string, () => Promise<object>>> = { down, up, rate: steady, idle, udp };
const run = kinds[kind];
if (run === undefined) throw new Error(`no kind of load ${kind}`);
const figures = await run();
process.stdout.write(`${JSON.stringify(figures)}\n`, () => {
  if (kind !== "idle") process.exit(0);
});
