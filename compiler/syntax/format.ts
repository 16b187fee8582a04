import type { Block, BlockNode, Declaration, FileNode, InnerComment, Line, Statement } from "../../grammar/nodes.ts";
import { type Piece, piecesOf } from "./pieces.ts";

const blockIndent = "  ";
const listIndent = "    ";
/** Longer lines are broken behind their commas. */
const widestLine = 100;

function isBlock(node: Declaration | Statement | null): node is BlockNode {
  return node?.kind === "cluster" || node?.kind === "node" || node?.kind === "service";
}

function withComment(text: string, comment: string | null): string {
  return comment === null ? text : `${text}  ${comment}`;
}

/** One value of a list on each line, with the comments that stand between them. */
function brokenLine(pieces: readonly Piece[], indent: string, inner: readonly InnerComment[]): string[] {
  const lines: string[] = [];
  let current = indent;
  let seen = 0;
  for (const piece of pieces) {
    current += current.trim() === "" ? piece.text : ` ${piece.text}`;
    if (!piece.text.endsWith(",") || !piece.breaks) continue;
    for (let comment = inner[seen]; comment !== undefined && comment.at < piece.nextAt; comment = inner[++seen]) {
      if (comment.ownLine) {
        lines.push(current);
        current = indent + listIndent + comment.text;
      } else current = withComment(current, comment.text);
    }
    lines.push(current);
    current = indent + listIndent;
  }
  lines.push(current);
  return lines;
}

function printLine(line: Line<Declaration | Statement>, indent: string, output: string[]): void {
  const { statement, comment, inner } = line;
  if (statement === null) {
    output.push(`${indent}${comment ?? ""}`);
    return;
  }
  if (isBlock(statement)) {
    printBlock(statement, comment, output);
    return;
  }
  const pieces = piecesOf(statement);
  const whole = indent + pieces.map((piece) => piece.text).join(" ");
  const lines = whole.length <= widestLine && inner.length === 0 ? [whole] : brokenLine(pieces, indent, inner);
  const last = lines.pop() ?? "";
  for (const text of lines) output.push(text);
  output.push(withComment(last, comment));
}

function printBlock(block: BlockNode, comment: string | null, output: string[]): void {
  const header = piecesOf(block).map((piece) => piece.text);
  output.push(withComment(`${header.join(" ")} {`, block.comment));
  const lines: Block<Statement>["lines"] = block.lines;
  lines.forEach((line, at) => {
    if (line.blankBefore && at > 0) output.push("");
    printLine(line, blockIndent, output);
  });
  output.push(withComment("}", comment));
}

/**
 * The canonical layout of a file: two spaces in blocks, one between words, two before a comment that follows a
 * statement; blank lines of the author are kept, one at most, and blocks stand between blank lines. Comments and the
 * order of lines stay. Formatting a formatted file changes nothing.
 * The tree must be of a text without errors, or built; throws InternalError for a name that cannot be written.
 */
export function formatSyntax(tree: FileNode): string {
  const output: string[] = [];
  let before: Line<Declaration> | null = null;
  for (const { lines } of tree.chunks) {
    for (const line of lines) {
      const isApart =
        before !== null && (isBlock(before.statement) || (isBlock(line.statement) && before.statement !== null));
      if (before !== null && (line.blankBefore || isApart)) output.push("");
      printLine(line, "", output);
      before = line;
    }
  }
  return output.length === 0 ? "" : `${output.join("\n")}\n`;
}
