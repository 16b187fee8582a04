import { deltaNftables } from "../../compiler/backends/nftables/delta.ts";
import { tableName } from "../../compiler/backends/nftables/names.ts";
import { type ReadTable, readListing } from "../../compiler/backends/nftables/parse-listing.ts";
import type { NftFamily, NftProgram } from "../../compiler/backends/nftables/program.ts";
import { HostError } from "../host/error.ts";
import type { Host } from "../host/host.ts";
import { incarnation } from "../host/identity.ts";
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
  generation,
};

async function observeNftables(host: Host): Promise<Observed<NftProgram>> {
  const read: ReadTable[] = [];
  const snapshot: Record<string, string> = {};
  for (const family of await presentTables(host)) {
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

/** The families in which there is a table of weir's. None where there is no nft, or a kernel without nf_tables. */
async function presentTables(host: Host): Promise<readonly NftFamily[]> {
  if ((await host.find("nft")) === null) return [];
  try {
    const lines = (await runNft(host, ["list", "tables"], "list the nftables tables")).split("\n");
    return nftFamilies.filter((family) => lines.includes(`table ${family} ${tableName}`));
  } catch (error) {
    if (error instanceof HostError && (error.trouble === "unsupported" || error.errno === "EINVAL")) return [];
    throw error;
  }
}

/** null when somebody deleted it since it was seen. */
async function listTable(host: Host, family: NftFamily): Promise<string | null> {
  try {
    return await runNft(host, ["list", "table", family, tableName], `list the nftables table ${family} ${tableName}`);
  } catch (error) {
    if (error instanceof HostError && error.errno === "ENOENT") return null;
    throw error;
  }
}

/**
 * The kernel counts the transactions of nf_tables in a network namespace, whoever makes them. What packets change, as
 * counters and affinity, is no transaction.
 */
async function generation(host: Host): Promise<string | null> {
  // the netlink package is loaded only where it is used
  const { nftGeneration } = await import("../netlink/generation.ts");
  const number = await nftGeneration(host);
  return number === null ? null : `${incarnation()} ${number}`;
}
