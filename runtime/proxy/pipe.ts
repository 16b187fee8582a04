import { type BufferPool, scratch } from "./buffers.ts";

/** The connection that a pipe belongs to. */
export interface PipeOwner {
  /** The owner's coarse clock. */
  readonly tick: number;
  /** Bytes have come, and are about to go on; they are valid until the call returns. */
  passed(pipe: Pipe, bytes: Buffer): void;
}

/** What a pipe needs of the sockets at its ends. */
export interface PipeSource {
  pause(): unknown;
  resume(): unknown;
}

export interface PipeSink {
  write(bytes: Buffer, written: () => void): unknown;
  /** Bytes that the kernel has not taken. */
  readonly writableLength: number;
}

/**
 * One direction of a connection: what one socket reads, the other writes. It reads on only when what it has read is in
 * the kernel's hands, so that it never holds more than one read: 16 KB, or 256 KB while much comes at once.
 * A socket fixes where it reads to when it has read, not when it is about to: so a buffer changes hands in `read` alone.
 */
export class Pipe {
  readonly #owner: PipeOwner;
  readonly #buffers: BufferPool;
  from: PipeSource | null = null;
  to: PipeSink | null = null;
  /** Since which tick what was read waits for the other side to take it; -1: nothing waits. */
  waitsSince = -1;
  #next = scratch;
  #own: Buffer | null = null;
  #wasSlow = false;
  #isHeld = false;
  #isClosed = false;

  constructor(owner: PipeOwner, buffers: BufferPool) {
    this.#owner = owner;
    this.#buffers = buffers;
  }

  /** For `onread` of the socket that is read: where its next read goes. */
  readonly buffer = (): Buffer => this.#next;

  /** The same: takes what was read; false where it must not read on. */
  readonly read = (length: number, buffer: Buffer): boolean => {
    const to = this.to;
    if (to === null || this.#isClosed) return false;
    const bytes = buffer.subarray(0, length);
    this.#owner.passed(this, bytes);
    // the scratch buffer is everyone's again when this returns
    to.write(buffer === scratch ? Buffer.from(bytes) : bytes, this.#written);
    if (to.writableLength > 0) this.waitsSince = this.#owner.tick;
    if (buffer === scratch) this.#grow(length);
    else if (buffer === this.#own && (length < scratch.length || this.#wasSlow)) this.#shrink();
    return this.waitsSince < 0 && !this.#isHeld;
  };

  /** Reads no more for now. */
  hold(): void {
    this.#isHeld = true;
    this.from?.pause();
  }

  go(): void {
    this.#isHeld = false;
    if (this.waitsSince < 0) this.from?.resume();
  }

  /** Both sockets are gone, or about to: nothing is read any more. */
  close(): void {
    this.#isClosed = true;
    this.#shrink();
  }

  readonly #written = (): void => {
    if (this.waitsSince < 0) return;
    this.#wasSlow = this.waitsSince !== this.#owner.tick;
    this.waitsSince = -1;
    if (this.#next === scratch) this.#shrink();
    if (!this.#isClosed && !this.#isHeld) this.from?.resume();
  };

  #grow(length: number): void {
    if (length < scratch.length || this.#wasSlow) {
      this.#wasSlow = false;
      return;
    }
    this.#own = this.#buffers.take();
    this.#next = this.#own ?? scratch;
  }

  /** Back to the scratch buffer. Its own one is others' when it is written. */
  #shrink(): void {
    this.#next = scratch;
    if (this.#own === null || this.waitsSince >= 0) return;
    this.#buffers.giveBack(this.#own);
    this.#own = null;
  }
}
