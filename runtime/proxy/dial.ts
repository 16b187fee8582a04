import type { PoolEndpoint } from "./endpoint.ts";
import type { Pool } from "./pool.ts";

/** Why an attempt failed. `local`: this machine could not even try, which says nothing about the endpoint. */
export type DialFailure = "refused" | "timed-out" | "failed" | "local";

const local: ReadonlySet<string> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "EADDRNOTAVAIL",
  "EACCES",
  "EPERM",
]);

export function dialFailureOf(code: string): DialFailure {
  if (code === "ECONNREFUSED" || code === "ECONNRESET") return "refused";
  if (code === "ETIMEDOUT") return "timed-out";
  return local.has(code) ? "local" : "failed";
}

export function countFailure(endpoint: PoolEndpoint, failure: DialFailure): void {
  if (failure === "refused") endpoint.refused++;
  else if (failure === "timed-out") endpoint.timedOut++;
  else endpoint.failed++;
}

export type NextAttempt =
  | { readonly kind: "try"; readonly endpoint: PoolEndpoint; readonly timeoutMs: number }
  /** All have failed just now: a little later they may not. */
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "give-up" };

/**
 * The attempts to find an endpoint for one client. Every endpoint is tried once with a short patience, then all once more
 * with a longer one, and so on. A round that was over early waits for its time, so that a service whose only endpoint
 * starts anew answers late and not never.
 */
export class Attempts {
  readonly #pool: Pool;
  readonly #client: string;
  readonly #patience: readonly number[];
  readonly #deadline: number;
  readonly #tried = new Set<PoolEndpoint>();
  #round = 0;
  #roundEnds: number;
  /** How many were made. */
  count = 0;

  constructor(
    pool: Pool,
    client: string,
    settings: { readonly attemptMs: readonly number[]; readonly dialMs: number },
    now: number,
  ) {
    this.#pool = pool;
    this.#client = client;
    this.#patience = settings.attemptMs;
    this.#deadline = now + settings.dialMs;
    this.#roundEnds = now + (this.#patience[0] ?? 0);
  }

  next(now: number): NextAttempt {
    if (now >= this.#deadline) return { kind: "give-up" };
    const endpoint = this.#pool.choose(this.#client, now, this.#tried);
    if (endpoint !== null) {
      this.#tried.add(endpoint);
      this.count++;
      return { kind: "try", endpoint, timeoutMs: Math.min(this.#patience[this.#round] ?? 0, this.#deadline - now) };
    }
    if (this.#tried.size === 0) return { kind: "give-up" };
    if (now < this.#roundEnds) return { kind: "wait", ms: Math.min(this.#roundEnds, this.#deadline) - now };
    this.#round++;
    const patience = this.#patience[this.#round];
    if (patience === undefined) return { kind: "give-up" };
    this.#roundEnds = now + patience;
    this.#tried.clear();
    return this.next(now);
  }
}
