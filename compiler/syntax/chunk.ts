import { fillIn } from "../../grammar/derivation.ts";
import type { BlockNode, Declaration, InnerComment, Line, Span, Statement } from "../../grammar/nodes.ts";
import { lexer, type Token, tokenOf } from "../../grammar/tokens.ts";
import { deriveLine, isRefusal, type StartSymbol } from "./derive.ts";
import { explainFirstWord, explainRefusal, explainToken, isDeclarationWord } from "./explain.ts";
import { type Finding, finding, mostErrors } from "./finding.ts";

/** Lines and findings of one chunk, with places relative to it. */
export interface ParsedChunk {
  readonly lines: readonly Line<Declaration>[];
  readonly findings: readonly Finding[];
}

/** A block whose end has not come yet; `node` is null when its header did not parse. */
interface OpenBlock {
  readonly node: BlockNode | null;
  readonly start: StartSymbol | null;
  readonly header: Span;
  readonly title: string;
  readonly blankBefore: boolean;
  readonly comment: string | null;
  readonly lines: Line<Statement>[];
}

/** What has been read of a chunk, and of the line at hand. */
interface Reader {
  readonly lines: Line<Declaration>[];
  readonly findings: Finding[];
  block: OpenBlock | null;
  /** Open braces of a block inside a block, which is left out. */
  skipped: number;
  tokens: Token[];
  comment: string | null;
  inner: InnerComment[];
  blankBefore: boolean;
  /** The line holds a token that was reported already. */
  spoilt: boolean;
}

/** Words, commas counted, in one line with its continuations: nearley keeps about a kilobyte for each. */
const longestLine = 50_000;

const noComments: readonly InnerComment[] = [];
const blockStarts: Readonly<Record<BlockNode["kind"], StartSymbol>> = {
  cluster: "cluster_line",
  node: "node_line",
  service: "service_line",
};

function startOfBlock(word: string | undefined): StartSymbol | null {
  return word === "cluster" || word === "node" || word === "service" ? blockStarts[word] : null;
}

function addLine(reader: Reader, statement: Declaration | Statement | null, comment: string | null): void {
  const inner = reader.inner.length === 0 ? noComments : reader.inner;
  const line = { kind: "line", statement, comment, blankBefore: reader.blankBefore, inner } as const;
  // The start symbol decides which statements a line can hold, so each list holds those of its own block.
  const lines: Line<Declaration | Statement>[] = reader.block === null ? reader.lines : reader.block.lines;
  lines.push(line);
}

function closeBlock(reader: Reader, comment: string | null): void {
  const { block } = reader;
  reader.block = null;
  if (block === null || block.node === null) return;
  reader.lines.push({
    kind: "line",
    statement: withLines(block.node, block),
    comment,
    blankBefore: block.blankBefore,
    inner: noComments,
  });
}

function withLines(node: BlockNode, { lines, comment }: OpenBlock): BlockNode {
  return { ...node, lines, comment } as BlockNode;
}

function reportUnclosed(reader: Reader, note?: { readonly message: string; readonly at: Span }): void {
  if (reader.block === null) return;
  const { header, title } = reader.block;
  const help = "close it with a line `}`";
  reader.findings.push(finding("syntax/unclosed-block", { block: title }, { at: header, help, note }));
}

/** The span of a line, without the brace that opens a block. */
function spanOf(tokens: readonly Token[]): Span {
  const last = tokens.at(-1)?.text === "{" && tokens.length > 1 ? tokens.at(-2) : tokens.at(-1);
  return { start: tokens[0]?.start ?? 0, end: last?.end ?? 0 };
}

/** Parses the tokens of one line; null when they are reported instead. */
function parseLine(reader: Reader, start: StartSymbol, tokens: readonly Token[]): Declaration | Statement | null {
  const [firstToken] = tokens;
  if (reader.spoilt || firstToken === undefined) return null;
  const unknown = explainFirstWord(start, firstToken);
  if (unknown !== null) {
    reader.findings.push(unknown);
    return null;
  }
  const derivation = deriveLine(start, tokens);
  if (isRefusal(derivation)) {
    reader.findings.push(explainRefusal(start, tokens, derivation));
    return null;
  }
  // The grammar's start symbols derive only these nodes, made by the builders that it names.
  return fillIn(derivation, tokens, spanOf(tokens)) as Declaration | Statement;
}

function isBlock(node: Declaration | Statement): node is BlockNode {
  return node.kind === "cluster" || node.kind === "node" || node.kind === "service";
}

function openBlock(reader: Reader, node: BlockNode | null): void {
  const { tokens, comment, blankBefore } = reader;
  const title = tokens
    .filter((token) => token.text !== "{")
    .map((token) => token.text)
    .join(" ");
  const start = startOfBlock(tokens[0]?.text);
  reader.block = { node, start, header: spanOf(tokens), title, blankBefore, comment, lines: [] };
}

function finishOutside(reader: Reader): void {
  const { tokens } = reader;
  if (tokens[0]?.text === "}") {
    if (!reader.spoilt) reader.findings.push(finding("syntax/unopened-block", undefined, { at: tokens[0] }));
    return;
  }
  const node = parseLine(reader, "declaration", tokens);
  if (node === null) {
    if (tokens.at(-1)?.text === "{" || startOfBlock(tokens[0]?.text) !== null) openBlock(reader, null);
  } else if (isBlock(node)) openBlock(reader, node);
  else addLine(reader, node, reader.comment);
}

function finishInside(reader: Reader, block: OpenBlock): void {
  const { tokens } = reader;
  const [firstToken] = tokens;
  if (firstToken?.text === "}") {
    closeBlock(reader, reader.comment);
    return;
  }
  if (isDeclarationWord(firstToken)) {
    reportUnclosed(reader, firstToken && { message: "before this", at: firstToken });
    closeBlock(reader, null);
    finishOutside(reader);
    return;
  }
  if (tokens.at(-1)?.text === "{") {
    // A brace alone after a header without one was reported with the header.
    if (tokens.length === 1 && block.node === null && block.lines.length === 0) return;
    reader.skipped = 1;
    if (block.start !== null && firstToken !== undefined && !reader.spoilt) {
      const help = "blocks do not hold blocks: write one statement a line";
      reader.findings.push(finding("syntax/nested-block", { word: firstToken.text }, { at: spanOf(tokens), help }));
    }
    return;
  }
  if (block.start === null) return;
  const node = parseLine(reader, block.start, tokens);
  if (node !== null) addLine(reader, node, reader.comment);
}

function finishLine(reader: Reader): void {
  const { tokens } = reader;
  const [firstToken] = tokens;
  if (firstToken === undefined && reader.comment === null && !reader.spoilt) return;
  if (reader.skipped > 0 && !isDeclarationWord(firstToken)) {
    if (tokens.at(-1)?.text === "{") reader.skipped++;
    else if (firstToken?.text === "}") reader.skipped--;
  } else {
    reader.skipped = 0;
    if (firstToken === undefined) addLine(reader, null, reader.comment);
    else if (reader.block === null) finishOutside(reader);
    else finishInside(reader, reader.block);
  }
  reader.tokens = [];
  reader.comment = null;
  if (reader.inner.length > 0) reader.inner = [];
  reader.blankBefore = false;
  reader.spoilt = false;
}

function isBrace(token: Token | undefined): boolean {
  return token?.kind === "punctuation" && (token.text === "{" || token.text === "}");
}

function addToken(reader: Reader, token: Token): void {
  const last = reader.tokens.at(-1);
  // A brace ends its line, though a comment may follow; a closing one is a line of its own.
  if (isBrace(last) || (token.text === "}" && token.kind === "punctuation")) finishLine(reader);
  if (token.shape === "%bad" || token.shape === "%unclosed" || token.end - token.start > 64) {
    const report = explainToken(token);
    if (report !== null && !reader.spoilt) reader.findings.push(report);
    if (report !== null) reader.spoilt = true;
  }
  if (reader.tokens.length === longestLine) {
    const help = "divide it: lists may be given in several `let` lines, and name each other";
    if (!reader.spoilt)
      reader.findings.push(finding("syntax/line-too-long", { limit: longestLine }, { at: token, help }));
    reader.spoilt = true;
    return;
  }
  reader.tokens.push(token);
}

function addComment(reader: Reader, text: string, at: number, afterNewline: boolean): void {
  const last = reader.tokens.at(-1);
  if (last?.text === "," && last.kind === "punctuation") {
    reader.inner.push({ text, at, ownLine: afterNewline });
  } else reader.comment = text;
}

/**
 * Parses one part of a file, as splitDeclarations cuts it. Every line is parsed by itself, so an error in one
 * hides none in another. Nothing is thrown for any text.
 */
export function parseChunk(text: string): ParsedChunk {
  const reader: Reader = {
    lines: [],
    findings: [],
    block: null,
    skipped: 0,
    tokens: [],
    comment: null,
    inner: [],
    blankBefore: false,
    spoilt: false,
  };
  let afterNewline = true;
  lexer.reset(text);
  for (let match = lexer.next(); match !== undefined; match = lexer.next()) {
    if (reader.findings.length > mostErrors) return { lines: reader.lines, findings: reader.findings };
    if (match.type === "newline") {
      const last = reader.tokens.at(-1);
      if (last?.text !== "," || last.kind !== "punctuation") {
        const isBlank = afterNewline && reader.tokens.length === 0 && reader.comment === null;
        finishLine(reader);
        reader.blankBefore = isBlank || match.text.indexOf("\n") !== match.text.lastIndexOf("\n");
      }
      afterNewline = true;
    } else if (match.type === "comment") {
      addComment(reader, match.text.trimEnd(), match.offset, afterNewline);
      afterNewline = false;
    } else if (match.type !== "blank") {
      addToken(reader, tokenOf(match));
      afterNewline = false;
    }
  }
  finishLine(reader);
  if (reader.block !== null) {
    reportUnclosed(reader);
    closeBlock(reader, null);
  }
  return { lines: reader.lines, findings: reader.findings };
}
