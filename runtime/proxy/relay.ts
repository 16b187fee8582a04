import { connect, type Socket } from "node:net";
import type { BufferPool } from "./buffers.ts";
import type { EndReason } from "./counters.ts";
import { cut } from "./cut.ts";
import { Attempts, countFailure, dialFailureOf } from "./dial.ts";
import type { PoolEndpoint } from "./endpoint.ts";
import { Pipe, type PipeOwner } from "./pipe.ts";
import type { Pool } from "./pool.ts";
import type { ProxySettings } from "./settings.ts";
import type { OpenClient } from "./tcp-listen.ts";

/** What a relay needs of the proxy that it is part of. */
export interface RelayHost {
  readonly settings: ProxySettings;
  readonly buffers: BufferPool;
  /** Milliseconds, as of the last sweep. */
  readonly tick: number;
  now(): number;
  /** This machine lacks something, descriptors for instance. */
  lacking(code: string): void;
  /** An endpoint has accepted, after so many milliseconds. */
  dialed(pool: Pool, milliseconds: number): void;
  ended(relay: Relay): void;
}

/**
 * One client's TCP connection, and the one that it has to an endpoint. Each side may end before the other; a reset of one
 * is a reset of the other, so that nobody takes what was cut off for all.
 */
export class Relay implements PipeOwner {
  readonly #host: RelayHost;
  readonly #client: Socket;
  readonly #up: Pipe;
  readonly #down: Pipe;
  /** Canonical text of the address; null: the client is gone already. */
  readonly clientAddress: string | null;
  #pool: Pool | null = null;
  #attempts: Attempts | null = null;
  #upstream: Socket | null = null;
  #timer: NodeJS.Timeout | null = null;
  #endpoint: PoolEndpoint | null = null;
  #lastTick: number;
  #hasAnswer = false;
  #clientEnded = false;
  #endpointEnded = false;
  #isOver = false;
  /** Set when a connection has lived for a while: most are over before, and it costs eight calls of the system. */
  #keepsAlive = false;
  /** What was sent before the answer, to be sent again; null: no longer possible. */
  #sent: Buffer[] | null = [];
  #sentBytes = 0;

  constructor(host: RelayHost, open: OpenClient) {
    this.#host = host;
    this.#lastTick = host.tick;
    this.#up = new Pipe(this, host.buffers);
    this.#down = new Pipe(this, host.buffers);
    this.#client = open({ buffer: this.#up.buffer, callback: this.#up.read });
    this.#up.from = this.#client;
    this.#down.to = this.#client;
    this.clientAddress = this.#client.remoteAddress ?? null;
    this.#client.on("error", () => this.#over("client-reset"));
    this.#client.on("end", () => {
      this.#clientEnded = true;
      if (!this.#isDone()) this.#upstream?.end();
    });
    this.#client.on("close", this.#closed);
  }

  get tick(): number {
    return this.#host.tick;
  }

  get endpoint(): PoolEndpoint | null {
    return this.#endpoint;
  }

  /** Turns the client away. */
  refuse(): void {
    this.#isOver = true;
    this.#client.resetAndDestroy();
  }

  /** Looks for an endpoint. */
  start(pool: Pool, clientAddress: string): void {
    const { settings } = this.#host;
    this.#pool = pool;
    this.#attempts = new Attempts(pool, clientAddress, settings, this.#host.now());
    this.#attempt();
  }

  passed(pipe: Pipe, bytes: Buffer): void {
    this.#lastTick = this.#host.tick;
    const endpoint = this.#endpoint;
    if (endpoint === null) return;
    if (pipe === this.#down) {
      endpoint.bytesToClient += bytes.length;
      if (this.#hasAnswer) return;
      this.#hasAnswer = true;
      this.#sent = null;
      this.#attempts = null;
      this.#pool?.answered(endpoint);
      return;
    }
    endpoint.bytesToEndpoint += bytes.length;
    this.#sentBytes += bytes.length;
    if (this.#sent === null) return;
    if (this.#sentBytes > this.#host.settings.resendBytes) this.#sent = null;
    else this.#sent.push(Buffer.from(bytes));
  }

  /** Ends it when its time is over. */
  sweep(now: number): void {
    const { idleMs, halfClosedMs, stallMs, keepAliveMs } = this.#host.settings;
    if (!this.#keepsAlive && this.#down.from !== null) {
      this.#keepsAlive = true;
      this.#client.setKeepAlive(true, keepAliveMs);
      this.#upstream?.setKeepAlive(true, keepAliveMs);
    }
    const isStalled = ({ waitsSince }: Pipe) => waitsSince >= 0 && now - waitsSince >= stallMs;
    const leavesAt = this.#endpoint?.leavesAt ?? null;
    if (leavesAt !== null && now >= leavesAt) this.#over("drained");
    else if (isStalled(this.#up) || isStalled(this.#down)) this.#over("stalled");
    else if (now - this.#lastTick >= (this.#clientEnded || this.#endpointEnded ? halfClosedMs : idleMs))
      this.#over("idle");
  }

  /** Ends both connections at once. */
  end(reason: EndReason): void {
    this.#over(reason);
  }

  #attempt(): void {
    if (this.#isOver || this.#attempts === null) return;
    const next = this.#attempts.next(this.#host.now());
    switch (next.kind) {
      case "give-up":
        this.#over(this.#attempts.count === 0 ? "no-endpoint" : "unanswered");
        return;
      case "wait":
        this.#timer = setTimeout(() => this.#attempt(), next.ms);
        return;
      case "try":
        this.#dial(next.endpoint, next.timeoutMs);
    }
  }

  #dial(endpoint: PoolEndpoint, timeoutMs: number): void {
    const startedAt = this.#host.now();
    const upstream = connect({
      host: endpoint.address.text,
      port: endpoint.port,
      allowHalfOpen: true,
      noDelay: true,
      autoSelectFamily: false,
      onread: { buffer: this.#down.buffer, callback: this.#down.read },
    });
    this.#upstream = upstream;
    this.#endpoint = endpoint;
    endpoint.active++;
    this.#timer = setTimeout(() => this.#tooLate(upstream, endpoint), timeoutMs);
    upstream.on("connect", () => {
      this.#clearTimer();
      endpoint.connections++;
      if (this.#pool !== null) this.#host.dialed(this.#pool, this.#host.now() - startedAt);
      this.#opened(upstream);
    });
    upstream.on("error", (error: NodeJS.ErrnoException) => this.#failed(upstream, endpoint, error.code ?? ""));
    upstream.on("end", () => {
      this.#endpointEnded = true;
      if (!this.#isDone()) this.#client.end();
    });
    upstream.on("close", this.#closed);
  }

  /** When this process was late itself, the answer may have come in time and wait to be read: timers are looked at first. */
  #tooLate(upstream: Socket, endpoint: PoolEndpoint): void {
    setImmediate(() => {
      if (upstream.connecting) this.#failed(upstream, endpoint, "ETIMEDOUT");
    });
  }

  #opened(upstream: Socket): void {
    this.#up.to = upstream;
    this.#down.from = upstream;
    for (const bytes of this.#sent ?? []) upstream.write(bytes);
    if (this.#clientEnded) upstream.end();
    this.#up.go();
  }

  /** An attempt has failed, or an open connection. Where nothing was done yet that may not be done twice, on it goes. */
  #failed(upstream: Socket, endpoint: PoolEndpoint, code: string): void {
    if (this.#isOver || upstream !== this.#upstream) return;
    this.#clearTimer();
    const wasOpen = this.#up.to !== null;
    if (!wasOpen) this.#countFailed(endpoint, code);
    else {
      endpoint.resets++;
      if (!this.#hasAnswer && this.#sentBytes === 0) this.#pool?.failed(endpoint, this.#host.now());
      else if (!this.#hasAnswer) this.#pool?.doubted(endpoint, this.#host.now());
    }
    if (this.#sent === null || this.#hasAnswer) {
      this.#over("endpoint-reset");
      return;
    }
    this.#up.hold();
    this.#up.to = null;
    this.#down.from = null;
    this.#upstream = null;
    this.#endpointEnded = false;
    upstream.destroy();
    this.#release();
    if (this.#pool !== null) this.#pool.counters.retries++;
    this.#attempt();
  }

  #countFailed(endpoint: PoolEndpoint, code: string): void {
    const failure = dialFailureOf(code);
    if (failure === "local") {
      this.#host.lacking(code);
      return;
    }
    countFailure(endpoint, failure);
    this.#pool?.failed(endpoint, this.#host.now());
  }

  #release(): void {
    if (this.#endpoint !== null) this.#endpoint.active--;
    this.#endpoint = null;
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /**
   * Both sides have said that nothing more comes, and all that came is with the kernel: closing tells the rest. It spares
   * one side a shutdown of its own, and both of them a turn of the loop.
   */
  #isDone(): boolean {
    const [client, upstream] = [this.#client, this.#upstream];
    if (!this.#clientEnded || !this.#endpointEnded || upstream === null) return false;
    if (client.writableLength > 0 || upstream.writableLength > 0) return false;
    this.#finish("ended");
    client.destroy();
    upstream.destroy();
    return true;
  }

  /** Both sides have ended by themselves. */
  readonly #closed = (): void => {
    if (this.#isOver || !this.#client.destroyed) return;
    if (this.#upstream === null) this.#over("client-reset");
    else if (this.#upstream.destroyed) this.#over("ended");
  };

  #over(reason: EndReason): void {
    if (this.#isOver) return;
    this.#finish(reason);
    cut(this.#client);
    if (this.#upstream !== null) cut(this.#upstream);
  }

  #finish(reason: EndReason): void {
    this.#isOver = true;
    this.#clearTimer();
    if (this.#pool !== null) this.#pool.counters.ends[reason]++;
    this.#up.close();
    this.#down.close();
    this.#release();
    this.#host.ended(this);
  }
}
