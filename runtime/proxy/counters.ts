/** Why a client's connection was over. Only `ended` is what both sides wanted. */
export const endReasons = [
  "ended",
  "client-reset",
  "endpoint-reset",
  "unanswered",
  "no-endpoint",
  "idle",
  "stalled",
  "drained",
  "shutdown",
] as const;
export type EndReason = (typeof endReasons)[number];

/** Why a client was not taken on. */
export const refusalReasons = ["source", "no-endpoint", "connections", "client", "memory"] as const;
export type RefusalReason = (typeof refusalReasons)[number];

/** What happened to the clients of a service port since the start. */
export interface ServiceCounters {
  readonly key: string;
  readonly ends: Record<EndReason, number>;
  readonly refusals: Record<RefusalReason, number>;
  /** Attempts on another endpoint, or on the same once more. */
  retries: number;
  /** UDP: datagrams that were left out because too many waited, or were too many clients. */
  dropped: number;
}

export function newCounters(key: string): ServiceCounters {
  return {
    key,
    ends: {
      ended: 0,
      "client-reset": 0,
      "endpoint-reset": 0,
      unanswered: 0,
      "no-endpoint": 0,
      idle: 0,
      stalled: 0,
      drained: 0,
      shutdown: 0,
    },
    refusals: { source: 0, "no-endpoint": 0, connections: 0, client: 0, memory: 0 },
    retries: 0,
    dropped: 0,
  };
}
