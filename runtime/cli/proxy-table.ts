import { basename } from "node:path";
import { declarationOf, parseSources } from "../../compiler/artifact/read-sources.ts";
import { ParseError } from "../../compiler/backends/text.ts";
import { parseProxyTable } from "../../compiler/backends/userspace/parse.ts";
import type { ProxyTable } from "../../compiler/backends/userspace/program.ts";
import type { Context } from "../../compiler/cli/context.ts";
import { orTrouble, TroubleError } from "../../compiler/cli/exit.ts";
import type { Diagnostic } from "../../compiler/diagnostics/diagnostic.ts";
import type { NodeIr } from "../../compiler/ir/ir.ts";
import { lineOf } from "../../compiler/source.ts";
import { readText } from "../state/files.ts";
import { type DesiredOptions, loadDesired } from "./desired.ts";

/** A table for the proxy; null when the spec has errors, which are among the findings. */
export interface LoadedTable {
  readonly table: ProxyTable | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly whereOf: WhereOf;
  /** The spec's files, with those that are included. */
  readonly files: readonly string[];
}

/** Where a service port is declared: `shop.weir:23`; null where only the table is known. */
export type WhereOf = (key: string) => string | null;

/** From specs, an artifact's folder, or a proxy.json alone. Throws TroubleError. */
export async function loadTable(
  context: Context,
  paths: readonly string[],
  options: DesiredOptions,
  withoutRules: boolean,
): Promise<LoadedTable> {
  const [path = ""] = paths;
  if (paths.length === 1 && basename(path) === "proxy.json") {
    const text = orTrouble(`read ${path}`, () => readText(path));
    if (text === null) throw new TroubleError(`cannot read ${path}: no such file or folder`);
    return { table: tableIn(path, text), diagnostics: [], whereOf: () => null, files: [] };
  }
  const {
    desired,
    ir,
    diagnostics,
    files = [],
  } = await loadDesired(context, paths, { ...options, withoutRules }, () => "userspace");
  const findings = diagnostics.filter(({ code }) => code !== "spec/undescribed-node");
  if (desired === null) return { table: null, diagnostics: findings, whereOf: () => null, files };
  const table = tableIn(desired.from, desired.files.get("userspace/proxy.json") ?? "");
  return { table, diagnostics: findings, whereOf: ir === null ? declarationsIn(desired.sources) : linesOf(ir), files };
}

/** Throws TroubleError for anything but a table. */
export function tableIn(path: string, text: string): ProxyTable {
  try {
    return parseProxyTable(text);
  } catch (error) {
    if (error instanceof ParseError) throw new TroubleError(`${path} is no table of a proxy: ${error.message}`);
    throw error;
  }
}

export function declarationsIn(text: string): WhereOf {
  const sources = parseSources(text);
  return (key) => (sources === null ? null : declarationOf(sources, key));
}

function linesOf(ir: NodeIr): WhereOf {
  return (key) => {
    const frontends = [...ir.frontends.ipv4, ...ir.frontends.ipv6];
    const origin = frontends.find((frontend) => frontend.key === key)?.origin;
    return origin === undefined ? null : `${origin.file.path}:${lineOf(origin.file, origin.start)}`;
  };
}
