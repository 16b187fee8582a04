import type { ProxyAffinity } from "../../compiler/backends/userspace/program.ts";
import { addressWidth, parseAddress, prefixOf } from "../../compiler/net/address.ts";

interface Entry {
  readonly endpoint: string;
  readonly usedAt: number;
}

/**
 * Which endpoint a client was sent to last. The timeout counts from the last use; each use renews it. Bounded: the client
 * that came longest ago is forgotten first.
 */
export class AffinityMap {
  /** By client, the longest unused first. */
  readonly #entries = new Map<string, Entry>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The endpoint that the client is bound to; null when there is none, or its time is over. */
  find(client: string, now: number, timeoutMs: number): string | null {
    const entry = this.#entries.get(client);
    if (entry === undefined) return null;
    if (now - entry.usedAt < timeoutMs) return entry.endpoint;
    this.#entries.delete(client);
    return null;
  }

  remember(client: string, endpoint: string, now: number): void {
    this.#entries.delete(client);
    this.#entries.set(client, { endpoint, usedAt: now });
    if (this.#entries.size <= this.#most) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  forget(client: string): void {
    this.#entries.delete(client);
  }

  /** Those whose time is over, and those of endpoints that are no more. */
  expire(now: number, timeoutMs: number): void {
    for (const [client, { usedAt }] of this.#entries) {
      if (now - usedAt < timeoutMs) return;
      this.#entries.delete(client);
    }
  }

  forgetEndpoints(isKnown: (endpoint: string) => boolean): void {
    for (const [client, { endpoint }] of this.#entries) if (!isKnown(endpoint)) this.#entries.delete(client);
  }
}

/** What a client counts as: its address, or the network of it that affinity goes by. */
export function affinityKey(client: string, { prefixLength }: ProxyAffinity): string {
  const address = parseAddress(client);
  if (!address.ok || prefixLength >= addressWidth(address.value.family)) return client;
  return prefixOf(address.value, prefixLength).text;
}
