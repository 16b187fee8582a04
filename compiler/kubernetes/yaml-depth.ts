import { Lexer } from "yaml";

/** Deeper documents are refused: the parser recurses, and no Kubernetes object comes near. */
export const deepestNesting = 100;

/**
 * Whether a YAML text nests deeper than the limit, told from its layout before it is parsed. Block nesting is the
 * number of open indentations plus the `- ` and `? ` that begin a line; flow nesting is the number of open brackets.
 */
export function isTooDeep(text: string): boolean {
  return (
    blockDepth(text) > deepestNesting || (roughFlowDepth(text) > deepestNesting && flowDepth(text) > deepestNesting)
  );
}

function blockDepth(text: string): number {
  const open: number[] = [];
  let deepest = 0;
  for (let line = 0; line < text.length; ) {
    let at = line;
    let markers = 0;
    for (; at < text.length; at++) {
      const character = text[at];
      if ((character === "-" || character === "?" || character === ":") && /[ \t]/.test(text[at + 1] ?? "")) markers++;
      else if (character !== " " && character !== "\t") break;
    }
    const newline = text.indexOf("\n", at);
    const isBlank = at >= text.length || text[at] === "\n" || text[at] === "\r" || text[at] === "#";
    if (markers > 0 || !isBlank) {
      const column = at - line;
      while ((open.at(-1) ?? -1) >= column) open.pop();
      open.push(column);
      deepest = Math.max(deepest, open.length + markers);
    }
    line = newline === -1 ? text.length : newline + 1;
  }
  return deepest;
}

/** Counts brackets in strings and comments too, so it is an upper bound. */
function roughFlowDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5b || code === 0x7b) deepest = Math.max(deepest, ++depth);
    else if ((code === 0x5d || code === 0x7d) && depth > 0) depth--;
  }
  return deepest;
}

/** Exact, by the lexer alone, which does not recurse. */
function flowDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === "[" || token === "{") deepest = Math.max(deepest, ++depth);
    else if (token === "]" || token === "}") depth--;
  }
  return deepest;
}
