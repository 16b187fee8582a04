import { deltaNftables } from "../../compiler/backends/nftables/delta.ts";
import { tableName } from "../../compiler/backends/nftables/names.ts";
import { readListing, unreadableTable } from "../../compiler/backends/nftables/parse-listing.ts";
import type { NftFamily, NftProgram, NftTable } from "../../compiler/backends/nftables/program.ts";
import type { Step } from "../../compiler/backends/step.ts";
import { ParseError } from "../../compiler/backends/text.ts";
import type { Observed, Snapshot } from "./plane.ts";

/** The name of a table's listing in a snapshot: `ip weir`. */
export function snapshotName(family: NftFamily): string {
  return `${family} ${tableName}`;
}

/**
 * Back to a snapshot in one transaction: by what changed since, so that clients with affinity keep their endpoints, or
 * by the listing itself for a table that is gone or held more than weir can read.
 */
export function restoreNftables(now: Observed<NftProgram>, snapshot: Snapshot): readonly Step[] {
  const [ip, ip6] = [snapshot[snapshotName("ip")], snapshot[snapshotName("ip6")]];
  const tables = [
    ...(ip === undefined ? [] : [readTable("ip", ip)]),
    ...(ip6 === undefined ? [] : [readTable("ip6", ip6)]),
  ];
  const listings = { ...(ip === undefined ? {} : { ip }), ...(ip6 === undefined ? {} : { ip6 }) };
  return deltaNftables(now.program, tables.length === 0 ? null : { tables }, listings);
}

function readTable(family: NftFamily, listing: string): NftTable {
  try {
    return readListing(family, listing).table;
  } catch (error) {
    if (error instanceof ParseError) return unreadableTable(family);
    throw error;
  }
}
