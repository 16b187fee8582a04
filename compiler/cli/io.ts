import { systemCode, TroubleError, troubleFrom } from "./exit.ts";

/** A stream that a command writes to. `write` resolves when the text has left the process. */
export interface Output {
  readonly isTerminal: boolean;
  write(text: string | Uint8Array): Promise<void>;
}

/** What a command has of the process that runs it; tests give their own. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Standard input to its end; TroubleError beyond `limit` bytes. */
  readStdin(limit: number): Promise<Buffer>;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * A process stream. When the reader is gone (`weir compile -o - | head`), what is left is not written and nothing is
 * said; any other failure, a full disk for instance, is trouble.
 */
function outputOf(stream: NodeJS.WriteStream, what: string): Output {
  let closed = false;
  // without a listener the failure of a write would end the process with a stack trace
  stream.on("error", () => {
    closed = true;
  });
  return {
    isTerminal: stream.isTTY === true,
    write: (text) =>
      new Promise((resolve, reject) => {
        if (closed || text.length === 0) return resolve();
        stream.write(text, (error) => {
          if (error === undefined || error === null) return resolve();
          closed = true;
          if (systemCode(error) === "EPIPE") return resolve();
          reject(troubleFrom(error, `write ${what}`));
        });
      }),
  };
}

export function processIo(): Io {
  return {
    stdout: outputOf(process.stdout, "standard output"),
    stderr: outputOf(process.stderr, "standard error"),
    readStdin,
    environment: process.env,
  };
}

async function readStdin(limit: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of process.stdin) {
      const bytes = Buffer.isBuffer(part) ? part : Buffer.from(String(part));
      size += bytes.length;
      if (size > limit) throw new TroubleError(`standard input is longer than ${limit / 1024 / 1024} MiB`);
      parts.push(bytes);
    }
  } catch (error) {
    throw troubleFrom(error, "read standard input");
  }
  return Buffer.concat(parts);
}
