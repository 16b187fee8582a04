/** What fits is copied and passed on; a larger read shows that a buffer of its own pays. */
const scratchBytes = 16 * 1024;
/** Measured: larger ones save no more processor time, smaller ones cost some. */
const bulkBytes = 256 * 1024;
/** All buffers of connections' own together. Who gets none goes on by copies. */
const mostBulkBytes = 64 * 1024 * 1024;

/**
 * Every connection that has little to say reads into this one buffer: a read and what is done with it happen at once, so
 * that no two connections need it at the same time. Thus an idle connection holds no buffer at all.
 */
export const scratch: Buffer = Buffer.allocUnsafeSlow(scratchBytes);

/** Buffers of their own for connections with much to say. */
export class BufferPool {
  readonly #free: Buffer[] = [];
  #lent = 0;

  get lentBytes(): number {
    return this.#lent * bulkBytes;
  }

  /** null: there are enough in use. */
  take(): Buffer | null {
    if ((this.#lent + 1) * bulkBytes > mostBulkBytes) return null;
    this.#lent++;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(bulkBytes);
  }

  giveBack(buffer: Buffer): void {
    this.#lent--;
    if (this.#free.length < 16) this.#free.push(buffer);
  }
}
