import { deltaNftables } from "../../compiler/backends/nftables/delta.ts";
import { tableName } from "../../compiler/backends/nftables/names.ts";
import { type ReadTable, readListing } from "../../compiler/backends/nftables/parse-listing.ts";
import type { NftFamily, NftProgram } from "../../compiler/backends/nftables/program.ts";
import { HostError } from "../host/error.ts";
import type { Host } from "../host/host.ts";
import { nftToken } from "./generation.ts";
import { restoreNftables, snapshotName } from "./nftables-restore.ts";
import { runNft } from "./nftables-tool.ts";
import type { Observed, Plane } from "./plane.ts";

export const nftFamilies = ["ip", "ip6"] as const satisfies readonly NftFamily[];

/** The tables `ip weir` and `ip6 weir`: everything in them is weir's, and nothing outside of them. */
export const nftablesPlane: Plane<NftProgram> = {
  name: "nftables",
  observe: observeNftables,
  plan: (now, after) => deltaNftables(now.program, after),
  restore: restoreNftables,
  generation: nftToken,
};

async function observeNftables(host: Host): Promise<Observed<NftProgram>> {
  const read: ReadTable[] = [];
  const snapshot: Record<string, string> = {};
  if ((await host.find("nft")) === null) return { program: null, foreign: [], snapshot };
  for (const family of nftFamilies) {
    const listing = await listTable(host, family);
    if (listing === null) continue;
    snapshot[snapshotName(family)] = listing;
    read.push(readListing(family, listing));
  }
  return {
    program: read.length === 0 ? null : { tables: read.map(({ table }) => table) },
    foreign: read.flatMap(({ foreign }) => foreign),
    snapshot,
  };
}

/**
 * null where there is no such table, or a kernel without nf_tables. Protocols come as numbers, because nft reads
 * /etc/protocols again for the name of each; the tables are not listed first, because nft 1.0.6 reads all elements of
 * all tables even for their names.
 */
async function listTable(host: Host, family: NftFamily): Promise<string | null> {
  const args = ["--numeric-protocol", "list", "table", family, tableName];
  try {
    return await runNft(host, { args, doing: `list the nftables table ${family} ${tableName}` });
  } catch (error) {
    if (error instanceof HostError && (error.trouble === "unsupported" || isMissing(error.errno))) return null;
    throw error;
  }
}

/** EINVAL is the answer of a kernel that knows netfilter, but no nf_tables. */
function isMissing(errno: string | null): boolean {
  return errno === "ENOENT" || errno === "EINVAL";
}
