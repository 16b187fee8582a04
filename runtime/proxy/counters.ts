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

/** Upper bounds of dial times, in milliseconds. */
export const dialBounds = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000] as const;

/** What happened to the clients of a service port since the start. */
export interface ServiceCounters {
  readonly key: string;
  readonly ends: Record<EndReason, number>;
  readonly refusals: Record<RefusalReason, number>;
  /** Attempts on another endpoint, or on the same once more. */
  retries: number;
  /** How many dials took no longer than each of `dialBounds` and longer than the one before; the last: longer than all. */
  readonly dials: number[];
  dialSeconds: number;
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
    dials: [...dialBounds.map(() => 0), 0],
    dialSeconds: 0,
    dropped: 0,
  };
}

export function countDial(counters: ServiceCounters, milliseconds: number): void {
  const place = dialBounds.findIndex((bound) => milliseconds <= bound);
  const at = place === -1 ? dialBounds.length : place;
  counters.dials[at] = (counters.dials[at] ?? 0) + 1;
  counters.dialSeconds += milliseconds / 1000;
}
