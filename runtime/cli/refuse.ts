import { hostname } from "node:os";
import { TroubleError } from "../../compiler/cli/exit.ts";
import type { Site } from "../apply/site.ts";
import type { Desired } from "../desired/desired.ts";
import { currentRecord } from "../state/state.ts";

/** Which state would be restored if two changes waited for their confirmation? */
export function refuseWhilePending(site: Site): void {
  const record = currentRecord(site.state);
  if (record?.state !== "pending") return;
  throw new TroubleError(
    `generation ${record.generation} waits for its confirmation: weir confirm or weir rollback comes before another apply`,
  );
}

/** The folder of another node is easily taken by mistake, and it is whole and right in itself. */
export function refuseOtherNode(site: Site, desired: Desired): void {
  const record = currentRecord(site.state);
  if (record === null || record.node === desired.node || desired.node === hostname()) return;
  throw new TroubleError(
    `${desired.from} is for the node ${desired.node}, and this is ${record.node} by what was applied before (generation ${record.generation}): if it has another name now, say so with --node ${desired.node}`,
  );
}
