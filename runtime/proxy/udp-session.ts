import { createSocket, type Socket, type SocketOptions } from "node:dgram";
import { countFailure, dialFailureOf } from "./dial.ts";
import type { PoolEndpoint } from "./endpoint.ts";
import type { Pool } from "./pool.ts";

/** What waits until a socket is connected, a moment as a rule. */
const mostWaiting = 16;
/** What the kernel does not take at once waits in the process; beyond this it is left out, as a full queue of a NIC does. */
const mostQueuedBytes = 1024 * 1024;

export interface UdpSessionHost {
  now(): number;
  lacking(code: string): void;
  /** To the client, from the address that it spoke to. */
  reply(session: UdpSession, bytes: Buffer): void;
  /** For the first time. */
  answered(session: UdpSession): void;
  ended(session: UdpSession): void;
}

/** Addresses need no looking up, and thus no waiting for it. */
const asItIs: NonNullable<SocketOptions["lookup"]> = (address, _, callback) =>
  callback(null, address, address.includes(":") ? 6 : 4);

export function udpSocket(address: string): Socket {
  const isIpv6 = address.includes(":");
  return createSocket({ type: isIpv6 ? "udp6" : "udp4", ipv6Only: isIpv6, lookup: asItIs });
}

/** Whether a socket has taken as much as it may hold. */
export function isFull(socket: Socket): boolean {
  return socket.getSendQueueSize() > mostQueuedBytes;
}

/**
 * What one client says to a UDP service, with a socket of its own that is connected to the endpoint: so the kernel gives it
 * the endpoint's answers alone, and tells when nobody listens there. Until an endpoint has answered, the last datagram
 * is kept: one that was refused was read by nobody, and is sent to another endpoint.
 */
export class UdpSession {
  readonly address: string;
  readonly port: number;
  readonly pool: Pool;
  readonly #host: UdpSessionHost;
  readonly #tried = new Set<PoolEndpoint>();
  #endpoint: PoolEndpoint | null = null;
  #socket: Socket | null = null;
  #isConnected = false;
  #waiting: Buffer[] = [];
  #last: Buffer | null = null;
  #isOver = false;
  #isAnswered = false;
  usedAt: number;

  constructor(host: UdpSessionHost, pool: Pool, address: string, port: number) {
    this.#host = host;
    this.pool = pool;
    this.address = address;
    this.port = port;
    this.usedAt = host.now();
  }

  /** The table has the endpoint no longer. */
  get isLeft(): boolean {
    return this.#endpoint !== null && this.#endpoint.leavesAt !== null;
  }

  send(bytes: Buffer): void {
    if (this.#isOver) return;
    this.usedAt = this.#host.now();
    if (!this.#isAnswered) this.#last = bytes;
    if (this.#endpoint === null) this.#connect();
    if (this.#isConnected) this.#pass(bytes);
    else if (this.#waiting.length < mostWaiting) this.#waiting.push(bytes);
    else this.pool.counters.dropped++;
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#leave();
    this.#waiting = [];
    this.#host.ended(this);
  }

  #connect(): void {
    const endpoint = this.pool.choose(this.address, this.#host.now(), this.#tried);
    if (endpoint === null) {
      this.pool.counters.ends[this.#tried.size === 0 ? "no-endpoint" : "unanswered"]++;
      this.close();
      return;
    }
    this.#tried.add(endpoint);
    this.#endpoint = endpoint;
    endpoint.active++;
    const socket = udpSocket(endpoint.address.text);
    this.#socket = socket;
    socket.on("error", (error: NodeJS.ErrnoException) => this.#failed(socket, error.code ?? ""));
    socket.on("message", (bytes) => this.#answer(endpoint, bytes));
    socket.connect(endpoint.port, endpoint.address.text, () => {
      if (socket !== this.#socket) return;
      endpoint.connections++;
      this.#isConnected = true;
      for (const bytes of this.#waiting.splice(0)) this.#pass(bytes);
    });
  }

  #pass(bytes: Buffer): void {
    const [socket, endpoint] = [this.#socket, this.#endpoint];
    if (socket === null || endpoint === null) return;
    if (isFull(socket)) {
      this.pool.counters.dropped++;
      return;
    }
    endpoint.bytesToEndpoint += bytes.length;
    socket.send(bytes, this.#sent);
  }

  readonly #sent = (error: Error | null): void => {
    if (error === null || this.#socket === null || !("code" in error)) return;
    // too long for the way to the endpoint: one datagram's trouble
    if (error.code === "EMSGSIZE") this.pool.counters.dropped++;
    else this.#failed(this.#socket, String(error.code));
  };

  #answer(endpoint: PoolEndpoint, bytes: Buffer): void {
    if (this.#isOver) return;
    this.usedAt = this.#host.now();
    endpoint.bytesToClient += bytes.length;
    if (!this.#isAnswered) {
      this.#isAnswered = true;
      this.#last = null;
      this.#tried.clear();
      this.pool.answered(endpoint);
      this.#host.answered(this);
    }
    this.#host.reply(this, bytes);
  }

  #failed(socket: Socket, code: string): void {
    const endpoint = this.#endpoint;
    if (this.#isOver || socket !== this.#socket || endpoint === null) return;
    const failure = dialFailureOf(code);
    if (failure === "local") {
      this.#host.lacking(code);
      this.close();
      return;
    }
    countFailure(endpoint, failure);
    this.pool.failed(endpoint, this.#host.now());
    // what was sent since the last answer may have been read
    if (this.#isAnswered || this.#last === null) {
      this.pool.counters.ends["endpoint-reset"]++;
      this.close();
      return;
    }
    this.#leave();
    this.pool.counters.retries++;
    this.#waiting = [this.#last];
    this.#connect();
  }

  #leave(): void {
    this.#isConnected = false;
    if (this.#endpoint !== null) this.#endpoint.active--;
    this.#endpoint = null;
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.removeAllListeners("message");
    socket.close();
  }
}
