import { ParseError } from "../text.ts";
import type { NftFamily } from "./program.ts";

/**
 * The words of nft's language as the printer and `nft list` write it: quoted strings keep their quotes, braces, commas,
 * semicolons and ends of lines stand alone, everything else is split at blanks. Comments are left out.
 */
export class TokenReader {
  /** Of the table that is being read. */
  family: NftFamily = "ip";
  readonly #text: string;
  readonly #pattern = /[ \t\r]+|(#[^\n]*)|("[^"\n]*"|[{},;\n]|[^ \t\r\n{},;"#]+)|([\s\S])/y;
  #line = 1;
  #peeked: string | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next token without taking it; empty at the end. */
  peek(): string {
    this.#peeked ??= this.#read();
    return this.#peeked;
  }

  next(): string {
    const token = this.peek();
    this.#peeked = null;
    if (token === "\n") this.#line++;
    return token;
  }

  /** Takes the next token if it is this one. */
  accept(token: string): boolean {
    if (this.peek() !== token) return false;
    this.next();
    return true;
  }

  expect(...tokens: readonly string[]): void {
    for (const token of tokens) {
      const found = this.next();
      if (found !== token)
        throw this.error(`expected ${token}, found ${found === "\n" ? "end of line" : found || "end of file"}`);
    }
  }

  skipSeparators(): void {
    while (this.peek() === "\n" || this.peek() === ";") this.next();
  }

  skipLines(): void {
    while (this.peek() === "\n") this.next();
  }

  /** Takes everything up to the brace that closes the one just taken. */
  skipBlock(): void {
    for (let depth = 1; depth > 0; ) {
      const token = this.next();
      if (token === "") throw this.error("a brace is not closed");
      if (token === "{") depth++;
      if (token === "}") depth--;
    }
  }

  error(message: string): ParseError {
    return new ParseError(message, this.#line);
  }

  #read(): string {
    for (;;) {
      const match = this.#pattern.exec(this.#text);
      if (match === null) return "";
      if (match[3] !== undefined) throw this.error(`unexpected ${JSON.stringify(match[3])}`);
      if (match[2] !== undefined) return match[2];
    }
  }
}
