/** Where and why a text is no JSON; or where its first value ends, when that value is whole. */
export type JsonCheck = { readonly end: number } | { readonly offset: number; readonly reason: string };

const space = /[ \t\r\n]*/y;
const plain = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null/y;
const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const longestShown = 20;

/**
 * Reads one JSON value strictly (RFC 8259), to say where a text goes wrong: the messages of `JSON.parse` differ between
 * engines and often name no place. Keeps its own stack, so nesting has no limit here.
 */
export function checkJson(text: string, from: number): JsonCheck {
  const open: ("{" | "[")[] = [];
  let at = from;
  /** What may come next: a value; a value or the end of a fresh array; a key; a key or the end; what follows a value. */
  let state: "value" | "first-element" | "key" | "first-key" | "after" = "value";
  const advance = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  /** At a quote: moves behind the closing one. False leaves `at` at what a string cannot hold. */
  const advanceString = (): boolean => {
    for (at++; at < text.length; ) {
      const code = text.charCodeAt(at);
      if (code === 0x22) {
        at++;
        return true;
      }
      if (code < 0x20 || (code === 0x5c && !advance(escaped))) return false;
      if (code !== 0x5c) at++;
    }
    return false;
  };
  for (;;) {
    advance(space);
    const character = text[at];
    if (state === "after") {
      const container = open.at(-1);
      if (container === undefined) return { end: at };
      if (character === ",") state = container === "{" ? "key" : "value";
      else if (character === (container === "{" ? "}" : "]")) open.pop();
      else return expected(text, at, container === "{" ? "`,` or `}`" : "`,` or `]`");
      at++;
    } else if (state === "key" || state === "first-key") {
      if (state === "first-key" && character === "}") {
        open.pop();
        state = "after";
        at++;
        continue;
      }
      if (character !== '"') return expected(text, at, "a key in double quotes");
      if (!advanceString()) return expected(text, at, "the rest of a string");
      advance(space);
      if (text[at] !== ":") return expected(text, at, "`:`");
      at++;
      state = "value";
    } else if (state === "first-element" && character === "]") {
      open.pop();
      state = "after";
      at++;
    } else if (character === "{" || character === "[") {
      open.push(character);
      state = character === "{" ? "first-key" : "first-element";
      at++;
    } else {
      if (character === '"' && !advanceString()) return expected(text, at, "the rest of a string");
      if (character !== '"' && !advance(plain)) return expected(text, at, "a value");
      state = "after";
    }
  }
}

function expected(text: string, offset: number, what: string): JsonCheck {
  if (offset >= text.length)
    return { offset: Math.max(0, text.length - 1), reason: `it ends where ${what} is expected` };
  const word = /^(?:[\w.+-]+|.)/su.exec(text.slice(offset, offset + longestShown))?.[0] ?? "";
  return { offset, reason: `found ${JSON.stringify(word)} where ${what} is expected` };
}
