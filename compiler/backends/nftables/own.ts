import { isOwnName } from "./names.ts";
import type { NftProgram } from "./program.ts";

/**
 * The first chain or set whose name weir gives to none, as a phrase; null when there is none. The parser takes no other
 * tables than weir's, and nothing in a table can reach outside of it.
 */
export function strangerInTables({ tables }: NftProgram): string | null {
  for (const { chains, sets } of tables) {
    for (const { name } of [...sets, ...chains]) {
      if (!isOwnName(name) || !/^[a-z0-9-]+$/.test(name)) return `the chain or set ${name}, which is not weir's`;
    }
  }
  return null;
}
