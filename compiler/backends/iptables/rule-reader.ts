import { type Family, type IpAddress, type Prefix, parseAddress, parsePrefix } from "../../net/address.ts";
import { type Port, type PortRange, parsePort } from "../../net/port.ts";
import type { Result } from "../../result.ts";
import { ParseError } from "../text.ts";

/** The words of one rule, read from left to right. */
export class RuleReader {
  readonly words: readonly string[];
  at: number;
  readonly family: Family;
  readonly line: number;

  constructor(words: readonly string[], at: number, family: Family, line: number) {
    this.words = words;
    this.at = at;
    this.family = family;
    this.line = line;
  }

  fail(what: string): never {
    throw new ParseError(what, this.line);
  }

  next(): string {
    const word = this.words[this.at];
    if (word === undefined) return this.fail("the rule ends too early");
    this.at++;
    return word;
  }

  /** Takes the word if it comes next. */
  takes(word: string): boolean {
    if (this.words[this.at] !== word) return false;
    this.at++;
    return true;
  }

  expect(word: string): void {
    if (!this.takes(word)) this.fail(`expected ${word}, found ${this.words[this.at] ?? "the end of the rule"}`);
  }

  value<T>(result: Result<T>): T {
    return result.ok ? result.value : this.fail(result.reason);
  }

  oneOf<T extends string>(choices: readonly T[]): T {
    const word = this.next();
    return choices.find((choice) => choice === word) ?? this.fail(`unexpected ${word}`);
  }

  listOf<T extends string>(choices: readonly T[]): readonly T[] {
    return this.next()
      .split(",")
      .map((word) => choices.find((choice) => choice === word) ?? this.fail(`unexpected ${word}`));
  }

  number(pattern: RegExp = /^[0-9]{1,10}$/): number {
    const word = this.next();
    return pattern.test(word) ? Number(word) : this.fail(`${word} is not a number`);
  }

  address(): IpAddress {
    return this.ofFamily(this.value(parseAddress(this.next())));
  }

  prefix(): Prefix {
    const prefix = this.value(parsePrefix(this.next()));
    this.ofFamily(prefix.address);
    return prefix;
  }

  ofFamily(address: IpAddress): IpAddress {
    return address.family === this.family ? address : this.fail(`${address.text} is not ${this.family}`);
  }

  port(): Port {
    return this.value(parsePort(this.next()));
  }

  ports(): PortRange {
    const [first = "", last = first] = this.next().split(":");
    return { first: this.value(parsePort(first)), last: this.value(parsePort(last)) };
  }

  /** `0x4000/0x4000`; a listing leaves out a mask of all bits. */
  mark(): { readonly value: number; readonly mask: number } {
    const [value = "", mask = "0xffffffff"] = this.next().split("/");
    if (!/^0x[0-9a-f]{1,8}$/.test(value) || !/^0x[0-9a-f]{1,8}$/.test(mask)) this.fail(`${value}/${mask} is no mark`);
    return { value: Number(value), mask: Number(mask) };
  }
}
