import { compareText } from "../../net/order.ts";
import type { Backend, NamedObject } from "../backend.ts";
import { reduceFiles } from "../common-lines.ts";
import { ParseError } from "../text.ts";
import { nftablesRequirements } from "./capabilities.ts";
import { flawInTables } from "./check-table.ts";
import { deltaNftables } from "./delta.ts";
import { lowerNftables } from "./lower.ts";
import { strangerInTables } from "./own.ts";
import { parseNftables } from "./parse.ts";
import { printNftables, replacement, rulesetPath } from "./print.ts";
import type { NftProgram } from "./program.ts";
import { withoutUnchangedElements } from "./unchanged.ts";

/** Named chains and sets; the elements that belong to services carry their keys as comments in the ruleset itself. */
function nftablesNames(program: NftProgram): readonly NamedObject[] {
  const names = program.tables.flatMap(({ sets, chains }) => [...sets, ...chains].map(({ name }) => name));
  return [...new Set(names)].sort(compareText).map((name) => ({ name, key: null }));
}

export const nftablesBackend: Backend<NftProgram> = {
  name: "nftables",
  lower: lowerNftables,
  print: printNftables,
  parse: (files) => {
    const text = files.get(rulesetPath);
    if (text === undefined && files.size > 0) throw new ParseError(`${rulesetPath} is missing`, 1);
    const program: NftProgram = text === undefined ? { tables: [] } : parseNftables(text);
    // without these, nft would add to what is there
    if (text?.startsWith(program.tables.flatMap(replacement).join("\n")) === false) {
      throw new ParseError("the tables that are there are not replaced", 1);
    }
    const flaw = flawInTables(program);
    if (flaw !== null) throw new ParseError(flaw, 1);
    return program;
  },
  delta: (before, after) => deltaNftables(before, after),
  withoutUnchanged: (before, after) => reduceFiles([rulesetPath], before, after, withoutUnchangedElements),
  requirements: nftablesRequirements,
  names: nftablesNames,
  stranger: strangerInTables,
};
