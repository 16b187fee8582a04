import { InternalError, unreachable } from "../../compiler/result.ts";
import { HostError } from "../host/error.ts";
import { NetlinkError } from "./errno.ts";
import type { NetlinkProtocol } from "./message.ts";
import type { Refusal } from "./netlink.ts";

/**
 * What is asked of the process that holds the sockets; `frames` stand one behind the other. Sent with structured clones,
 * so bytes stay bytes.
 */
export interface ChildRequest {
  readonly id: number;
  readonly protocol: NetlinkProtocol;
  readonly operation: string;
  readonly ask: "batch" | "request" | "dumps";
  readonly frames: Uint8Array;
}

/** An error as it crosses over. */
export type ChildError =
  | { readonly kind: "netlink"; readonly errno: string; readonly operation: string; readonly index: number }
  | {
      readonly kind: "unsupported";
      readonly message: string;
      readonly errno: string | null;
      readonly help: string | null;
    }
  | { readonly kind: "other"; readonly message: string };

/** `refusals` of a batch; the messages of a request, or of all dumps, of each of which `counts` tells how many it has. */
export type ChildAnswer = { readonly id: number } & (
  | {
      readonly outcome: "done";
      readonly refusals: readonly Refusal[];
      readonly messages: Uint8Array;
      readonly counts: readonly number[];
    }
  | { readonly outcome: "failed"; readonly error: ChildError }
);

export function encodeError(error: unknown): ChildError {
  if (error instanceof NetlinkError) {
    return { kind: "netlink", errno: error.errno, operation: error.operation, index: error.index };
  }
  if (error instanceof HostError) {
    return { kind: "unsupported", message: error.message, errno: error.errno, help: error.help };
  }
  return { kind: "other", message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

export function decodeError(error: ChildError): Error {
  switch (error.kind) {
    case "netlink":
      return new NetlinkError(error.errno, error.operation, error.index);
    case "unsupported":
      return new HostError("unsupported", error.message, { errno: error.errno, help: error.help });
    case "other":
      return new InternalError(`the process that speaks netlink: ${error.message}`);
    default:
      return unreachable(error);
  }
}
