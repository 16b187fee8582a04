/** A failed endpoint is left alone for so long, twice as long after each further failure. */
const firstBackoffMs = 1000;
const longestBackoffMs = 30_000;

/** So many clients in a row that it has reset without a byte show that it is not the client's fault. */
const mostDoubts = 3;

/** An endpoint was marked as failing, or may have clients again. */
export type HealthChange = (key: string, isUp: boolean, failures: number) => void;

interface Marked {
  failures: number;
  /** When it may be tried again. */
  until: number;
  isTried: boolean;
  doubts: number;
}

/**
 * Endpoints that failed, seen from their connections. One that is marked gets no client while another will do; when its
 * time is over the proxy itself tries it, so that no client pays for finding out. What clears the mark for good is a byte
 * that came from it: one that accepts and then resets stays known as failing, and waits longer each time.
 */
export class Health {
  readonly #marked = new Map<string, Marked>();
  readonly #changed: HealthChange;

  constructor(changed: HealthChange = () => {}) {
    this.#changed = changed;
  }

  /** Whether it may have clients. */
  isUp(key: string): boolean {
    const marked = this.#marked.get(key);
    return marked === undefined || marked.until === 0;
  }

  /** Returns the milliseconds that it is left alone. */
  failed(key: string, now: number): number {
    const marked = this.#marked.get(key) ?? { failures: 0, until: 0, isTried: false, doubts: 0 };
    // many clients that fail at once are one failure
    const isNew = marked.until === 0;
    if (isNew) marked.failures++;
    const backoff = Math.min(firstBackoffMs * 2 ** (marked.failures - 1), longestBackoffMs);
    marked.until = Math.max(marked.until, now + backoff);
    marked.doubts = 0;
    marked.isTried = false;
    this.#marked.set(key, marked);
    if (isNew) this.#changed(key, false, marked.failures);
    return backoff;
  }

  /** It has reset a connection before it said anything, which a strange client can bring about: a few of them in a row count. */
  doubted(key: string, now: number): void {
    const marked = this.#marked.get(key) ?? { failures: 0, until: 0, isTried: false, doubts: 0 };
    this.#marked.set(key, marked);
    if (++marked.doubts >= mostDoubts) this.failed(key, now);
  }

  /** The proxy's own trial has failed. */
  triedInVain(key: string, now: number): void {
    const marked = this.#marked.get(key);
    if (marked === undefined) return;
    marked.failures++;
    marked.until = now + Math.min(firstBackoffMs * 2 ** (marked.failures - 1), longestBackoffMs);
    marked.isTried = false;
  }

  /** It accepts connections: it may have clients, and is no longer known as failing once it has answered one. */
  accepts(key: string): void {
    const marked = this.#marked.get(key);
    if (marked === undefined || marked.until === 0) return;
    marked.until = 0;
    this.#changed(key, true, marked.failures);
    marked.isTried = false;
  }

  answered(key: string): void {
    const marked = this.#marked.get(key);
    if (marked === undefined) return;
    this.#marked.delete(key);
    if (marked.until !== 0) this.#changed(key, true, marked.failures);
  }

  /** Those whose time is over and that nobody tries yet. They count as being tried from now on. */
  due(now: number): readonly string[] {
    const due: string[] = [];
    for (const [key, marked] of this.#marked) {
      if (marked.until === 0 || marked.isTried || now < marked.until) continue;
      marked.isTried = true;
      due.push(key);
    }
    return due;
  }

  /** Forgets endpoints that no table has. */
  keep(isKnown: (key: string) => boolean): void {
    for (const key of this.#marked.keys()) if (!isKnown(key)) this.#marked.delete(key);
  }
}
