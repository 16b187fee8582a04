import { createSocket } from "node:dgram";
import { connect } from "node:net";
import type { ClientLoop, Exchange, Greeting, LoopReport, Seen } from "./protocol.ts";

const udpResendMs = 200;

export interface RunningLoop {
  stop(): Promise<LoopReport>;
}

/** One connection, or one UDP socket that stays bound to its port. */
interface Channel {
  /** The first exchange of a TCP connection is its start: the server greets. Never rejects. */
  exchange(): Promise<{ readonly seen: Seen; readonly resent: number }>;
  close(): void;
}

export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : String(error);
}

export function seenOfError(error: unknown): Seen {
  const code = errorCode(error);
  return code === "ECONNREFUSED" ? { kind: "refused" } : { kind: "error", code };
}

export function udpType(address: string): "udp4" | "udp6" {
  return address.includes(":") ? "udp6" : "udp4";
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Resolves with the first news or with `silent` after the loop's limit. */
function newsOf(loop: ClientLoop, start: (news: (seen: Seen) => void) => void): Promise<Seen> {
  return new Promise((resolve) => {
    const limit = setTimeout(() => resolve({ kind: "silent" }), loop.timeoutMs);
    start((seen) => {
      clearTimeout(limit);
      resolve(seen);
    });
  });
}

function openTcp(loop: ClientLoop): Channel {
  let news = (_: Seen): void => {};
  let ended: Seen | null = null;
  let text = "";
  let isGreeted = false;
  const end = (seen: Seen) => {
    ended ??= seen;
    news(ended);
  };
  const socket = connect({ host: loop.address, port: loop.port, localAddress: loop.source, noDelay: true });
  socket.on("error", (error) => end(seenOfError(error)));
  socket.on("end", () => end({ kind: "error", code: "closed by the other end" }));
  socket.on("data", (bytes) => {
    text += bytes.toString("utf8");
    if (!text.endsWith("\n")) return;
    const by = JSON.parse(text) as Greeting;
    text = "";
    news({ kind: "answered", by });
  });
  return {
    exchange: async () => {
      const seen = await newsOf(loop, (tell) => {
        news = tell;
        if (ended !== null) tell(ended);
        else if (isGreeted) socket.write("?\n");
        isGreeted = true;
      });
      return { seen, resent: 0 };
    },
    // a reset leaves neither end in TIME_WAIT, so that loops do not use up the ports
    close: () => void socket.resetAndDestroy(),
  };
}

function openUdp(loop: ClientLoop): Channel {
  const socket = createSocket(udpType(loop.address));
  let news = (_: Seen): void => {};
  socket.on("error", (error) => news(seenOfError(error)));
  socket.on("message", (bytes) => news({ kind: "answered", by: JSON.parse(bytes.toString("utf8")) as Greeting }));
  const connected = new Promise<void>((resolve) => {
    // connected, so that ICMP errors and only answers from the address that was asked are delivered
    socket.bind(0, loop.source, () => socket.connect(loop.port, loop.address, () => resolve()));
  });
  return {
    exchange: async () => {
      await connected;
      let sent = 0;
      let resend: NodeJS.Timeout | undefined;
      const seen = await newsOf(loop, (tell) => {
        news = tell;
        const send = () => {
          sent++;
          socket.send("?", (error) => {
            if (error !== null && errorCode(error) !== "EPERM") tell(seenOfError(error));
          });
        };
        send();
        resend = setInterval(send, udpResendMs);
      });
      clearInterval(resend);
      return { seen, resent: sent - 1 };
    },
    close: () => socket.close(),
  };
}

/** Starts a client that goes on until it is stopped; after a failure it opens a new connection. */
export function startLoop(loop: ClientLoop): RunningLoop {
  const exchanges: Exchange[] = [];
  let isStopping = false;
  const run = async () => {
    for (let connection = 0; !isStopping; connection++) {
      const from = now();
      const channel = loop.protocol === "tcp" ? openTcp(loop) : openUdp(loop);
      for (let number = 0; !isStopping && number < (loop.exchanges ?? Number.POSITIVE_INFINITY); number++) {
        const start = number === 0 ? from : now();
        const { seen, resent } = await channel.exchange();
        exchanges.push({ from: start, to: now(), connection, number, seen, resent });
        if (seen.kind !== "answered") break;
        await new Promise((resolve) => setTimeout(resolve, loop.pauseMs));
      }
      channel.close();
    }
  };
  const finished = run();
  return {
    stop: async () => {
      isStopping = true;
      await finished;
      return { loop, exchanges };
    },
  };
}
