import type { Frame, NetlinkMessage } from "./message.ts";

/** A message of a batch that the kernel refused. */
export interface Refusal {
  readonly index: number;
  /** `ENOENT` */
  readonly errno: string;
}

/**
 * Conversations with the kernel over one protocol, one after the other. `operation` is for errors: `list rules`.
 * All throw NetlinkError. Frames are used up: sending changes them.
 */
export interface Netlink {
  /**
   * Sends all in one piece and waits until the last one is done. The kernel goes on behind one that it refuses.
   * At most `mostInFlight` frames with `mostBytesInFlight`: see `batchesOf`.
   */
  batch(frames: readonly Frame[], operation: string): Promise<readonly Refusal[]>;
  /** The answers to one message. */
  request(frame: Frame, operation: string): Promise<readonly NetlinkMessage[]>;
  /**
   * Of each dump what `pick` makes of its messages, without nulls; some run side by side. A dump that the kernel says
   * was disturbed is started again.
   */
  dumps<T>(
    frames: readonly Frame[],
    operation: string,
    pick: (message: NetlinkMessage) => T | null,
  ): Promise<readonly (readonly T[])[]>;
  close(): void;
}

/**
 * The kernel answers a refused message at once with a copy of it, and an answer that finds the receive buffer full makes
 * the netlink package abort the process. With 128 there is room for all of them in the smallest usual buffer.
 */
export const mostInFlight = 128;
export const mostBytesInFlight = 64 * 1024;

/** What may be sent in one piece, in order. Also ends a piece before a frame whose name is already in it. */
export function batchesOf<T>(
  items: readonly T[],
  window: number,
  sizeOf: (item: T) => number,
  nameOf: (item: T) => string,
): readonly (readonly T[])[] {
  const batches: T[][] = [];
  let current: T[] = [];
  let bytes = 0;
  const names = new Set<string>();
  for (const item of items) {
    const [size, name] = [sizeOf(item), nameOf(item)];
    if (current.length > 0 && (current.length >= window || bytes + size > mostBytesInFlight || names.has(name))) {
      batches.push(current);
      current = [];
      bytes = 0;
      names.clear();
    }
    current.push(item);
    bytes += size;
    names.add(name);
  }
  if (current.length > 0) batches.push(current);
  return batches;
}

export async function dump<T>(
  netlink: Netlink,
  frame: Frame,
  operation: string,
  pick: (message: NetlinkMessage) => T | null,
): Promise<readonly T[]> {
  const [found = []] = await netlink.dumps([frame], operation, pick);
  return found;
}
