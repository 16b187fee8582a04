import type { RefusalReason } from "./counters.ts";
import type { ProxySettings } from "./settings.ts";

/** Counts who is connected, and says when it is enough. */
export class Admissions {
  readonly #settings: Pick<ProxySettings, "maxConnections" | "maxPerClient" | "maxMemoryBytes">;
  readonly #byClient = new Map<string, number>();
  #count = 0;
  /** As it was measured last. */
  memoryBytes = 0;

  constructor(settings: Pick<ProxySettings, "maxConnections" | "maxPerClient" | "maxMemoryBytes">) {
    this.#settings = settings;
  }

  get count(): number {
    return this.#count;
  }

  get clients(): number {
    return this.#byClient.size;
  }

  /** Lets a client in, who must `leave`; or says why not. */
  enter(client: string): RefusalReason | null {
    const { maxConnections, maxPerClient, maxMemoryBytes } = this.#settings;
    if (this.#count >= maxConnections) return "connections";
    if (this.memoryBytes > maxMemoryBytes) return "memory";
    const own = this.#byClient.get(client) ?? 0;
    if (maxPerClient > 0 && own >= maxPerClient) return "client";
    this.#byClient.set(client, own + 1);
    this.#count++;
    return null;
  }

  leave(client: string): void {
    const own = this.#byClient.get(client) ?? 0;
    if (own <= 1) this.#byClient.delete(client);
    else this.#byClient.set(client, own - 1);
    this.#count--;
  }
}
