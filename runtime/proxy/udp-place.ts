import type { RemoteInfo, Socket } from "node:dgram";
import type { IpAddress } from "../../compiler/net/address.ts";
import type { Port } from "../../compiler/net/port.ts";
import type { EndReason, RefusalReason } from "./counters.ts";
import type { Pool } from "./pool.ts";
import type { ProxySettings } from "./settings.ts";
import { isFull, UdpSession, type UdpSessionHost, udpSocket } from "./udp-session.ts";

/** What a place needs of the proxy that it is part of. */
export interface UdpPlaceHost {
  readonly engine: {
    readonly settings: ProxySettings;
    readonly admissions: { leave(client: string): void };
    now(): number;
    lacking(code: string): void;
  };
  /** The pool for a new client, who was counted; or why there is none. */
  admit(client: string): Pool | RefusalReason;
}

/** More than the kernel's usual limit, which it then is. */
const receiveBufferBytes = 4 * 1024 * 1024;

/** A socket on an address and port, with a session for each client that was heard of lately. */
export class UdpPlace implements UdpSessionHost {
  readonly #host: UdpPlaceHost;
  readonly #socket: Socket;
  readonly #sessions = new Map<string, UdpSession>();
  /** Those that no endpoint has answered yet, the oldest first. */
  readonly #unanswered = new Set<UdpSession>();

  private constructor(host: UdpPlaceHost, socket: Socket) {
    this.#host = host;
    this.#socket = socket;
    socket.on("message", (bytes, peer) => this.#take(bytes, peer));
    socket.on("error", (error: NodeJS.ErrnoException) => host.engine.lacking(error.code ?? "udp"));
  }

  /** Rejects with the error of the system call. */
  static open(host: UdpPlaceHost, address: IpAddress, port: Port): Promise<UdpPlace> {
    return new Promise((resolve, reject) => {
      const socket = udpSocket(address.text);
      socket.once("error", (error) => {
        socket.close();
        reject(error);
      });
      socket.bind({ address: address.text, port, exclusive: true }, () => {
        socket.removeAllListeners("error");
        socket.setRecvBufferSize(receiveBufferBytes);
        socket.setSendBufferSize(receiveBufferBytes);
        resolve(new UdpPlace(host, socket));
      });
    });
  }

  get size(): number {
    return this.#sessions.size;
  }

  now(): number {
    return this.#host.engine.now();
  }

  lacking(code: string): void {
    this.#host.engine.lacking(code);
  }

  reply(session: UdpSession, bytes: Buffer): void {
    if (isFull(this.#socket)) session.pool.counters.dropped++;
    // a client that cannot be reached any more is no news
    else this.#socket.send(bytes, session.port, session.address, () => {});
  }

  answered(session: UdpSession): void {
    this.#unanswered.delete(session);
  }

  ended(session: UdpSession): void {
    this.#sessions.delete(keyOf(session.address, session.port));
    this.#unanswered.delete(session);
    this.#host.engine.admissions.leave(session.address);
  }

  /** Forgets clients that were silent, and those of endpoints that left. */
  sweep(now: number): void {
    for (const session of this.#sessions.values()) {
      if (session.isLeft) this.#end(session, "drained");
      else if (now - session.usedAt >= this.#host.engine.settings.udpIdleMs) this.#end(session, "idle");
    }
  }

  close(): void {
    for (const session of this.#sessions.values()) this.#end(session, "shutdown");
    this.#socket.close();
  }

  #end(session: UdpSession, reason: EndReason): void {
    session.pool.counters.ends[reason]++;
    session.close();
  }

  #take(bytes: Buffer, { address, port }: RemoteInfo): void {
    const key = keyOf(address, port);
    let session = this.#sessions.get(key);
    if (session === undefined) {
      const pool = this.#admit(address);
      if (pool === null) return;
      session = new UdpSession(this, pool, address, port);
      this.#sessions.set(key, session);
      this.#unanswered.add(session);
    }
    session.send(bytes);
  }

  /** Where there are too many, a client that nobody has answered yet makes room: its address may be a forged one. */
  #admit(client: string): Pool | null {
    const first = this.#host.admit(client);
    if (typeof first !== "string") return first;
    const [oldest] = this.#unanswered;
    if (first !== "connections" || oldest === undefined) return null;
    this.#end(oldest, "unanswered");
    const second = this.#host.admit(client);
    return typeof second === "string" ? null : second;
  }
}

function keyOf(address: string, port: number): string {
  return `${address} ${port}`;
}
