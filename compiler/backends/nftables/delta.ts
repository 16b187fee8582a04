import { describeFlow } from "../print-flow.ts";
import type { Operation, StaleFlow, Step } from "../step.ts";
import { staleFlows } from "./delta-flows.ts";
import { type Owners, ownersOf } from "./delta-owners.ts";
import { changeOfTable, isEmptyChange, type TableChange } from "./delta-table.ts";
import { describeDelta, printDelta } from "./print-delta.ts";
import type { NftFamily, NftProgram, NftTable } from "./program.ts";

const families = ["ip", "ip6"] as const satisfies readonly NftFamily[];

/** Tables as `nft list table` prints them. */
export type NftListings = Readonly<Partial<Record<NftFamily, string>>>;

/**
 * The least steps from one program to another, null for nothing of weir's: one transaction, then the UDP flows that it
 * leaves stale. A table is loaded whole only where it was not there, or where a set or base chain changed its type;
 * otherwise its maps of affinity keep what packets put in them.
 * To nothing at all is to leave the field, perhaps to another backend: flows are then left to go on as they are.
 * `listings`: what a table of `after` was read from, for tables that hold more than a program can.
 */
export function deltaNftables(
  before: NftProgram | null,
  after: NftProgram | null,
  listings: NftListings = {},
): readonly Step[] {
  const loads: NftTable[] = [];
  const changes: TableChange[] = [];
  const deletes: NftTable[] = [];
  const owners = new Map<NftFamily, Owners>();
  const flows: StaleFlow[] = [];
  const flowOperations: Operation[] = [];
  for (const family of families) {
    const [old, now] = [tableOf(before, family), tableOf(after, family)];
    const change = old === null || now === null ? null : changeOfTable(old, now);
    if (change !== null && isEmptyChange(change)) continue;
    if (change !== null) changes.push(change);
    else if (now !== null) loads.push(now);
    else if (old !== null) deletes.push(old);
    const own = ownersOf([now, old].filter((table) => table !== null));
    owners.set(family, own);
    for (const { flow, frontend } of after === null ? [] : staleFlows(family, old, now)) {
      flows.push(flow);
      flowOperations.push(describeFlow(flow, own.ofFrontend(frontend)));
    }
  }
  if (loads.length + changes.length + deletes.length === 0) return [];
  const delta = { loads: loads.map((table) => ({ table, listing: listings[table.family] ?? null })), changes, deletes };
  const operations = describeDelta(delta, ({ family }) => owners.get(family) ?? ownersOf([]));
  const transaction: Step = { kind: "nft", operations, input: printDelta(delta) };
  return flows.length === 0 ? [transaction] : [transaction, { kind: "flows", operations: flowOperations, flows }];
}

function tableOf(program: NftProgram | null, family: NftFamily): NftTable | null {
  return program?.tables.find((table) => table.family === family) ?? null;
}
