/** What kind of trouble the host gave, for callers that can do something about it. */
export type HostTrouble =
  /** A program is not installed. */
  | "tool-missing"
  /** Privileges are missing: EPERM, EACCES. */
  | "permission"
  /** The kernel lacks a module or feature. */
  | "unsupported"
  /** Somebody else holds what is needed. */
  | "busy"
  /** Anything else that a tool or the kernel refused. */
  | "refused";

/**
 * The host refused something. The message is a sentence for people that names the operation and the object;
 * `help` says what to do. Never tested by text: callers look at `trouble` and `errno`.
 */
export class HostError extends Error {
  override readonly name = "HostError";
  readonly trouble: HostTrouble;
  /** What to do about it; null when nothing better than the message is known. */
  readonly help: string | null;
  /** The name of the kernel's error, `ENOENT`; null when it came in other words. */
  readonly errno: string | null;

  constructor(
    trouble: HostTrouble,
    message: string,
    details: { readonly help?: string | null; readonly errno?: string | null } = {},
  ) {
    super(message);
    this.trouble = trouble;
    this.help = details.help ?? null;
    this.errno = details.errno ?? null;
  }
}
