import { nftablesBackend } from "../../../../compiler/backends/nftables/backend.ts";
import type { NftProgram } from "../../../../compiler/backends/nftables/program.ts";
import { textOf } from "../../../../compiler/backends/text.ts";
import { type IrOptions, testIr } from "../../../support/ir.ts";

export function lower(options: IrOptions): NftProgram {
  return nftablesBackend.lower(testIr(options)).program;
}

export function print(program: NftProgram): string {
  return nftablesBackend.print(program).map(textOf).join("");
}

export function parse(text: string): NftProgram {
  return nftablesBackend.parse(new Map([["nftables/ruleset.nft", text]]));
}

/** The lines of one set, map or chain of the printed text of a family, without indentation. */
export function block(program: NftProgram, family: "ip" | "ip6", name: string): readonly string[] {
  const text = print({ tables: program.tables.filter((table) => table.family === family) });
  const lines = text.split("\n");
  const start = lines.findIndex((line) => new RegExp(`^\t(set|map|chain) ${name} \\{`).test(line));
  if (start === -1) throw new Error(`${family} weir has no ${name}`);
  const first = lines[start] ?? "";
  if (first.endsWith("}")) return [first.trim()];
  const end = lines.findIndex((line, at) => at > start && line === "\t}");
  return lines.slice(start, end).map((line) => line.trim());
}

/** The elements of a set or map, as printed. */
export function elements(program: NftProgram, family: "ip" | "ip6", name: string): readonly string[] {
  const lines = block(program, family, name);
  const start = lines.indexOf("elements = {");
  return start === -1 ? [] : lines.slice(start + 1, -1).map((line) => line.replace(/,$/, ""));
}
