import type { BackendName } from "../backends/backend.ts";
import { declarations } from "../backends/declared.ts";
import type { Traces } from "../backends/simulation.ts";
import type { NodeIr } from "../ir/ir.ts";

/** How many bits of others are on every packet that is followed; the highest are left to backends that need more. */
const mostForeignBits = 8;

/** The lowest bits of the mark that are none of weir's. */
export function foreignMarkOf({ marks }: NodeIr): number {
  const own = marks.masquerade | marks.drop | marks.reject;
  const free = Array.from({ length: 31 }, (_, bit) => 2 ** bit).filter((bit) => (own & bit) === 0);
  return free.slice(0, mostForeignBits).reduce((sum, bit) => sum + bit, 0);
}

/**
 * What weir leaves on a packet, or takes from it, that is not weir's to leave or to take, as a phrase; null for nothing.
 * A mark of weir's that stays would be acted on when the packet comes by again, in a tunnel's packet for instance; a bit
 * that others have set is theirs.
 */
export function traceComplaint(
  backend: BackendName,
  { mark, classId, isAccepted }: Traces,
  isServed: boolean,
  foreignMark: number,
): string | null {
  if (classId !== 0) return `the class id 0x${classId.toString(16)} stays on it`;
  if (isAccepted) return "rules of others behind weir's do not see it";
  if (mark === foreignMark) return null;
  if (isServed && mark === 0 && declarations[backend].losesMarks) return null;
  return `its mark 0x${foreignMark.toString(16)} has become 0x${mark.toString(16)}`;
}
