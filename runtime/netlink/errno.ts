import { constants } from "node:os";
import { HostError, type HostTrouble } from "../host/error.ts";

const names = new Map<number, string>(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** `ENOENT` of 2; `errno 4097` for what has no name. */
export function errnoName(number: number): string {
  return names.get(number) ?? `errno ${number}`;
}

/** In words, for the errors that netlink gives; null for the rest. */
export function errnoSentence(name: string): string | null {
  return sentences[name] ?? null;
}

const sentences: Readonly<Record<string, string>> = {
  EPERM: "not permitted",
  EACCES: "not permitted",
  ENOENT: "there is none",
  ESRCH: "there is none",
  EEXIST: "there is one already",
  EINVAL: "the kernel does not take these values",
  ERANGE: "a number is out of range",
  EBUSY: "the kernel is busy with another request of this kind",
  ENOMEM: "the kernel has no memory left for it",
  ENOBUFS: "the kernel has no memory left for it",
  ENETDOWN: "the interface is down",
  ENODEV: "there is no such device",
  EOPNOTSUPP: "this kernel cannot do it",
  EAFNOSUPPORT: "this kernel lacks the address family",
  EPROTONOSUPPORT: "this kernel lacks the protocol",
  EPROTOTYPE: "this kernel lacks the protocol",
  ETIMEDOUT: "the kernel did not answer",
  EINTR: "what was listed changed again and again meanwhile",
};

/** An answer of the kernel's that is no success. */
export class NetlinkError extends Error {
  override readonly name = "NetlinkError";
  /** `ENOENT` */
  readonly errno: string;
  /** What was asked for: `list virtual servers` */
  readonly operation: string;
  /** Which message of a batch; 0 for single ones. */
  readonly index: number;

  constructor(errno: string, operation: string, index = 0) {
    super(`cannot ${operation}: ${errno}`);
    this.errno = errno;
    this.operation = operation;
    this.index = index;
  }
}

function troubleOf(errno: string): HostTrouble {
  switch (errno) {
    case "EPERM":
    case "EACCES":
      return "permission";
    case "EBUSY":
    case "EINTR":
      return "busy";
    case "EOPNOTSUPP":
    case "EAFNOSUPPORT":
    case "EPROTONOSUPPORT":
      return "unsupported";
    default:
      return "refused";
  }
}

/** `doing` is operation and object: `add virtual server 10.96.0.10:80/tcp`; without `help` there is a general one for some. */
export function hostErrorOf(errno: string, doing: string, help: string | null = null): HostError {
  const trouble = troubleOf(errno);
  const words = errnoSentence(errno);
  return new HostError(trouble, `cannot ${doing}: ${words === null ? errno : `${words} (${errno})`}`, {
    errno,
    help: help ?? (trouble === "permission" ? "this needs root, or CAP_NET_ADMIN in this network namespace" : null),
  });
}

/** Other errors come back as they are. */
export function hostErrorFromNetlink(error: unknown, help: string | null = null): unknown {
  return error instanceof NetlinkError ? hostErrorOf(error.errno, error.operation, help) : error;
}
