import type { Path, Range } from "./places.ts";

/**
 * Finds places in JSON text that `JSON.parse` has accepted, without building values again: positions are wanted for
 * findings only, and keeping them for every value of 50 MB would cost more than the values. Nothing here recurses.
 */

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;

export function skipSpace(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break;
  }
  return at;
}

/** `from` is at the opening quote; returns the offset after the closing one. */
function skipString(text: string, from: number): number {
  let at = from + 1;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === backslash) at++;
    else if (code === quote) break;
  }
  return at + 1;
}

/** `from` is at the first character of a value; returns the offset after its last. */
function skipValue(text: string, from: number): number {
  const first = text.charCodeAt(from);
  if (first === quote) return skipString(text, from);
  if (first !== openBrace && first !== openBracket) {
    let at = from;
    while (at < text.length && !isDelimiter(text.charCodeAt(at))) at++;
    return at;
  }
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = skipString(text, at) - 1;
    else if (code === openBrace || code === openBracket) depth++;
    else if (code === closeBrace || code === closeBracket) {
      depth--;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}

function isDelimiter(code: number): boolean {
  return code === comma || code === closeBrace || code === closeBracket || code <= 0x20;
}

export function isContainer(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === openBrace || code === openBracket;
}

/** The start of the value of a key; with repeated keys the last, as JSON.parse takes it. */
function memberStart(text: string, object: number, key: string): number | null {
  let found: number | null = null;
  let at = skipSpace(text, object + 1);
  while (at < text.length && text.charCodeAt(at) === quote) {
    const keyEnd = skipString(text, at);
    const value = skipSpace(text, skipSpace(text, keyEnd) + 1);
    if (isKey(text.slice(at, keyEnd), key)) found = value;
    at = skipSpace(text, skipValue(text, value));
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  return found;
}

function isKey(source: string, key: string): boolean {
  if (!source.includes("\\")) return source.length === key.length + 2 && source.slice(1, -1) === key;
  const parsed: unknown = JSON.parse(source);
  return parsed === key;
}

/** The starts of an array's elements. */
export function elementStarts(text: string, array: number): readonly number[] {
  const starts: number[] = [];
  let at = skipSpace(text, array + 1);
  while (at < text.length && text.charCodeAt(at) !== closeBracket) {
    starts.push(at);
    at = skipSpace(text, skipValue(text, at));
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  return starts;
}

function elementStart(text: string, array: number, index: number): number | null {
  let at = skipSpace(text, array + 1);
  for (let passed = 0; at < text.length && text.charCodeAt(at) !== closeBracket; passed++) {
    if (passed === index) return at;
    at = skipSpace(text, skipValue(text, at));
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  return null;
}

/** The start of the value at a path below the value that starts at `root`, or of the deepest part of it that exists. */
export function startInJson(text: string, root: number, path: Path): number {
  let at = skipSpace(text, root);
  for (const key of path) {
    const code = text.charCodeAt(at);
    let next: number | null = null;
    if (code === openBrace && typeof key === "string") next = memberStart(text, at, key);
    else if (code === openBracket && typeof key === "number") next = elementStart(text, at, key);
    if (next === null) break;
    at = next;
  }
  return at;
}

/** The whole value that starts there. */
export function valueRange(text: string, start: number): Range {
  return { start, end: Math.max(skipValue(text, start), start + 1) };
}
