/** A bug of weir's own: an invariant that does not hold. Never used for what a user or the host can repair. */
export class InternalError extends Error {
  override readonly name = "InternalError";
}

/** Throws InternalError unless `condition` holds; `what` names the service, frontend or rule concerned. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new InternalError(what);
}

/** Ends an exhaustive switch: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new InternalError(`unexpected value ${JSON.stringify(value)}`);
}

/** The outcome of parsing a value: the value, or one lower-case phrase that says what is wrong with the text. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function fail(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
