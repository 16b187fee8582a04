/** One thing that happened: an event of a fixed name, and fields that say more. */
export type Log = (level: "info" | "warn" | "error", event: string, fields?: Readonly<Record<string, Field>>) => void;

export type Field = string | number | boolean | null;

const quietMs = 10_000;
const mostRemembered = 1000;

/**
 * Events that come with every connection, a few lines of them: each kind (event and `about`) once in ten seconds, with how
 * many were left out.
 */
export class SparseLog {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #said = new Map<string, { readonly at: number; left: number }>();

  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  say(event: string, about: string, fields: Readonly<Record<string, Field>>): void {
    const kind = `${event} ${about}`;
    const last = this.#said.get(kind);
    const now = this.#now();
    if (last !== undefined && now - last.at < quietMs) {
      last.left++;
      return;
    }
    if (this.#said.size >= mostRemembered) this.#said.clear();
    this.#said.set(kind, { at: now, left: 0 });
    this.#log("warn", event, last === undefined || last.left === 0 ? fields : { ...fields, omitted: last.left });
  }
}
