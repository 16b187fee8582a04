import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ProxyTable } from "../../compiler/backends/userspace/program.ts";
import type { Context } from "../../compiler/cli/context.ts";
import { orTrouble } from "../../compiler/cli/exit.ts";
import type { Diagnostic } from "../../compiler/diagnostics/diagnostic.ts";
import type { StateReader } from "../state/state.ts";
import { currentRecord, unfinished } from "../state/state.ts";
import type { DesiredOptions } from "./desired.ts";
import { inputsSignature } from "./proxy-inputs.ts";
import { declarationsIn, loadTable, tableIn, type WhereOf } from "./proxy-table.ts";
import { orNodeTrouble } from "./trouble.ts";

/** What a proxy is to go by now. */
export interface Wanted {
  /**
   * Several while a change is under way: what any of them wants is listened on, and the last one says where connections
   * go. None: nothing leads to the proxy, and the connections that it has go on.
   */
  readonly tables: readonly ProxyTable[];
  /** What it comes from, for the log. */
  readonly from: string;
  readonly whereOf: WhereOf;
}

/** Where tables come from. */
export interface TableSource {
  /** How often to look whether anything has changed, in milliseconds. */
  readonly everyMs: number;
  /** Whether a change may be seen half made: then it counts when nothing has changed since the last look. */
  readonly isWrittenInPlace: boolean;
  /** Another text when there may be another table; null: it never changes by itself. Throws TroubleError. */
  signature(): string | null;
  /** `wanted` is null when the spec has errors. Throws TroubleError. */
  load(): Promise<{ readonly wanted: Wanted | null; readonly diagnostics: readonly Diagnostic[] }>;
}

/** Specs, an artifact's folder, or a proxy.json. */
export function pathSource(
  context: Context,
  paths: readonly string[],
  options: DesiredOptions,
  withoutRules: boolean,
): TableSource {
  let inputs = paths;
  return {
    everyMs: 500,
    isWrittenInPlace: true,
    signature: () =>
      paths.includes("-") ? null : orTrouble(`read ${paths.join(", ")}`, () => inputsSignature(inputs)),
    load: async () => {
      const { table, diagnostics, whereOf, files } = await loadTable(context, paths, options, withoutRules);
      // those in a folder are looked at with it
      const isIn = (file: string) =>
        paths.some((path) => file === path || file.startsWith(`${path.replace(/\/+$/, "")}/`));
      inputs = [...paths, ...files.filter((file) => !isIn(file))];
      const wanted = table === null ? null : { tables: [table], from: paths.join(" "), whereOf };
      return { wanted, diagnostics };
    },
  };
}

const stateFiles = ["current.json", "journal.json"] as const;

/** What `weir apply` has put into this node's kernel, and what it is about to. */
export function stateSource(state: StateReader): TableSource {
  return {
    everyMs: 100,
    isWrittenInPlace: false,
    signature: () => stateFiles.map((name) => textOr(join(state.path, name))).join("\n"),
    load: () => orNodeTrouble(async () => ({ wanted: wantedBy(state), diagnostics: [] })),
  };
}

function wantedBy(state: StateReader): Wanted {
  const current = currentRecord(state);
  const coming = unfinished(state);
  const next = coming === null ? null : state.recordIfKept(coming.generation);
  const records = [current, next].flatMap((record) => (record?.backend === "userspace" ? [record] : []));
  const artifacts = records.map((record) => ({ record, desired: state.artifact(record) }));
  const tables = artifacts.map(({ desired }) => tableIn(desired.from, desired.files.get("userspace/proxy.json") ?? ""));
  const names = records.map(({ generation }) => `generation ${generation}`);
  const last = artifacts.at(-1);
  return {
    tables,
    from: names.join(" and ") || "nothing that is applied",
    whereOf: last === undefined ? () => null : declarationsIn(last.desired.sources),
  };
}

function textOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
