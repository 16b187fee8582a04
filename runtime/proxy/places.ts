import type { Binding } from "./plan.ts";

/** How often a port that somebody else has is tried again. */
const retryMs = 2000;

/** The trouble of a binding for which the range of ports had no room. */
export const noPort = "ENOPORT";

/** A binding and what became of it. */
export interface Place {
  readonly binding: Binding;
  /** null: it does not listen. */
  readonly port: number | null;
  /** Why not: the code of the system call, EADDRINUSE for instance. */
  readonly trouble: string | null;
}

/** What listens on a place. */
export interface Listening {
  close(): void;
  /** Looks at everything that has a time. */
  sweep(now: number): void;
}

interface OpenPlace extends Place {
  /** What the table says of it now. */
  binding: Binding;
  readonly listening: Listening | null;
}

/** Opens a socket for a place, whose binding may become another. Rejects with the error of the system call. */
export type OpenListening = (place: { readonly binding: Binding }, port: number) => Promise<Listening>;

/** The sockets that listen. Those that the next table has as well stay as they are. */
export class Places {
  readonly #open: OpenListening;
  readonly #places = new Map<string, OpenPlace>();
  #retryAt = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(open: OpenListening) {
    this.#open = open;
  }

  get all(): readonly Place[] {
    return [...this.#places.values()];
  }

  /** Listens on what is new before it gives up what is gone. */
  async take(bindings: readonly Binding[], now: number): Promise<void> {
    const wanted = new Map(bindings.map((binding) => [binding.id, binding]));
    const fresh: Binding[] = [];
    for (const [id, binding] of wanted) {
      const place = this.#places.get(id);
      if (place === undefined || place.port === null) fresh.push(binding);
      else place.binding = binding;
    }
    await this.#listen(fresh, now);
    for (const [id, place] of this.#places) {
      if (wanted.has(id)) continue;
      place.listening?.close();
      this.#places.delete(id);
    }
    // a port may have gone from one binding to another
    await this.#listen(this.#idle(), now);
  }

  sweep(now: number): void {
    for (const { listening } of this.#places.values()) listening?.sweep(now);
    if (now < this.#retryAt || this.#isClosed) return;
    this.#retryAt = Number.POSITIVE_INFINITY;
    void this.#listen(this.#idle(), now);
  }

  close(): void {
    this.#isClosed = true;
    for (const { listening } of this.#places.values()) listening?.close();
    this.#places.clear();
  }

  #idle(): readonly Binding[] {
    return this.all.filter(({ port }) => port === null).map(({ binding }) => binding);
  }

  async #listen(bindings: readonly Binding[], now: number): Promise<void> {
    for (const binding of bindings) {
      const place = await this.#tryPorts(binding);
      if (this.#isClosed) {
        place.listening?.close();
        return;
      }
      // two tables at once may have asked for the same
      if (this.#places.get(binding.id)?.port != null) place.listening?.close();
      else this.#places.set(binding.id, place);
      if (place.port === null) this.#retryAt = now + retryMs;
    }
  }

  async #tryPorts(binding: Binding): Promise<OpenPlace> {
    const place = { binding };
    let trouble = noPort;
    for (const port of binding.ports) {
      try {
        const listening = await this.#open(place, port);
        return Object.assign(place, { port, trouble: null, listening });
      } catch (error) {
        if (!(error instanceof Error && "code" in error)) throw error;
        trouble = String(error.code);
      }
    }
    return { binding, port: null, trouble, listening: null };
  }
}
