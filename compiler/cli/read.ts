import { isUtf8 } from "node:buffer";
import { closeSync, openSync, readSync } from "node:fs";
import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import type { SourceFile } from "../source.ts";
import { orTrouble, TroubleError } from "./exit.ts";
import type { Io } from "./io.ts";
import type { InputPath } from "./paths.ts";

/**
 * 20,000 services with 8 endpoints are 55 MB of compact JSON and some 150 MB as `kubectl get -o json` prints them.
 * V8 holds no string longer than 512 MiB.
 */
const mebibyte = 1024 * 1024;
const maximumFileBytes = 256 * mebibyte;

const chunkBytes = 1024 * 1024;

export interface ReadText {
  /** Null when the bytes are no text. */
  readonly file: SourceFile | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly bytes: number;
}

/** Reads one input. Throws TroubleError when it cannot be read or is longer than the limit. */
export async function readInput(input: InputPath, io: Io): Promise<ReadText> {
  const bytes = input.real === "-" ? await io.readStdin(maximumFileBytes) : readFile(input);
  return { ...decode(input.shown, bytes), bytes: bytes.length };
}

/** Reads in pieces, because the size that the system tells says nothing of a pipe or a growing file. */
function readFile(input: InputPath): Buffer {
  return orTrouble(`read ${input.shown}`, () => {
    const descriptor = openSync(input.real, "r");
    try {
      const parts: Buffer[] = [];
      let size = 0;
      for (;;) {
        const part = Buffer.allocUnsafe(chunkBytes);
        const count = readSync(descriptor, part, 0, chunkBytes, null);
        if (count === 0) return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
        size += count;
        if (size > maximumFileBytes) {
          throw new TroubleError(`${input.shown} is longer than ${maximumFileBytes / mebibyte} MiB`);
        }
        parts.push(part.subarray(0, count));
      }
    } finally {
      closeSync(descriptor);
    }
  });
}

/** UTF-8 without zero bytes becomes text, a byte order mark is dropped; anything else is a finding at its place. */
function decode(path: string, bytes: Buffer): Pick<ReadText, "file" | "diagnostics"> {
  const text = new TextDecoder("utf-8").decode(bytes);
  const zero = bytes.includes(0) ? text.indexOf("\0") : -1;
  if (zero === -1 && isUtf8(bytes)) return { file: { path, text }, diagnostics: [] };
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  // of something that is no text, only what stands before the fault is worth showing
  const invalid = isUtf8(bytes) ? -1 : firstInvalid(text, bytes);
  const isBinary = zero !== -1 && (invalid === -1 || zero < invalid || isUtf16);
  const start = isBinary ? zero : invalid;
  const file = { path, text: text.slice(0, start + 1) };
  const details = {
    at: { file, start, end: start + 1 },
    ...(isUtf16 ? { help: "the file is UTF-16: save it as UTF-8" } : {}),
  };
  const finding = isBinary
    ? diagnostic("input/binary", { path }, details)
    : diagnostic("input/not-utf8", { path, byte: byteOffset(text, start, bytes) }, details);
  return { file: null, diagnostics: [finding] };
}

/** The first replacement character that does not stand in the file itself: where decoding failed. */
function firstInvalid(text: string, bytes: Buffer): number {
  let offset = byteOffset("", 0, bytes);
  let counted = 0;
  for (let at = text.indexOf("\ufffd"); at !== -1; at = text.indexOf("\ufffd", at + 1)) {
    offset += Buffer.byteLength(text.slice(counted, at), "utf8");
    counted = at;
    if (!(bytes[offset] === 0xef && bytes[offset + 1] === 0xbf && bytes[offset + 2] === 0xbd)) return at;
  }
  return text.length;
}

/** How many bytes stand before a character of the text; all of them are valid UTF-8. */
function byteOffset(text: string, at: number, bytes: Buffer): number {
  const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  return Buffer.byteLength(text.slice(0, at), "utf8") + mark;
}
