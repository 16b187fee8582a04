/** How a proxy behaves, whatever its table says. Times in milliseconds. */
export interface ProxySettings {
  /** Of one attempt to connect to an endpoint: the first time it is tried for a client, the second, and so on. */
  readonly attemptMs: readonly number[];
  /** After this a client that no endpoint answered is closed. */
  readonly dialMs: number;
  /** A connection without a byte either way is closed. */
  readonly idleMs: number;
  /** The same for one of which one side has ended. */
  readonly halfClosedMs: number;
  /** A side that takes nothing of what waits for it is slow no longer but gone. */
  readonly stallMs: number;
  readonly keepAliveMs: number;
  /** A UDP client that was silent for so long is a new one. */
  readonly udpIdleMs: number;
  /** How long connections to endpoints that left the table may go on. */
  readonly drainMs: number;
  /** At the same time, TCP connections and UDP clients together. */
  readonly maxConnections: number;
  /** Of one client address; 0 is without limit. */
  readonly maxPerClient: number;
  /** Of the process; above it there are no new connections. */
  readonly maxMemoryBytes: number;
  /** Clients that affinity remembers for one listener. */
  readonly maxAffinity: number;
  /**
   * What a client has sent is kept up to so many bytes until the endpoint answers; when the endpoint resets the connection
   * before, it is sent again to another one. With 0 only a connection that nothing was sent on is tried again: what was
   * sent may have been acted on.
   */
  readonly resendBytes: number;
}

/** Dial attempts are those of kube-proxy's userspace mode; a long idle time is that of its conntrack setting. */
export const usualSettings: ProxySettings = {
  attemptMs: [250, 500, 1000, 2000],
  dialMs: 10_000,
  idleMs: 24 * 3600_000,
  halfClosedMs: 3600_000,
  stallMs: 300_000,
  keepAliveMs: 60_000,
  udpIdleMs: 60_000,
  drainMs: 30_000,
  maxConnections: 10_000,
  maxPerClient: 0,
  maxMemoryBytes: Number.POSITIVE_INFINITY,
  maxAffinity: 65_536,
  resendBytes: 0,
};
