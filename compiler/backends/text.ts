import type { ArtifactFile, FileTexts } from "./backend.ts";

const chunkSize = 64 * 1024;

/** Collects lines into pieces of some 64 KB: many times cheaper at 20 MB than one string or an array of lines. */
export class TextWriter {
  #chunks: string[] = [];
  #current = "";

  line(text: string): void {
    this.#current += `${text}\n`;
    if (this.#current.length >= chunkSize) {
      this.#chunks.push(this.#current);
      this.#current = "";
    }
  }

  file(path: string): ArtifactFile {
    const chunks = this.#current === "" ? [...this.#chunks] : [...this.#chunks, this.#current];
    return { path, chunks };
  }
}

/** The whole file as one string; for tests and small files, see `TextWriter`. */
export function textOf(file: ArtifactFile): string {
  return file.chunks.join("");
}

/** The files as a backend's `parse` reads them. */
export function textsOf(files: readonly ArtifactFile[]): FileTexts {
  return new Map(files.map((file) => [file.path, textOf(file)]));
}

/** A text that is not what the printer or the kernel writes; `line` is from 1. */
export class ParseError extends Error {
  override readonly name = "ParseError";
  readonly line: number;

  constructor(message: string, line: number) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}
