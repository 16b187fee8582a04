import type { BackendProgram } from "../desired/programs.ts";
import type { Finding } from "./finding.ts";
import type { ForeignUse, MarkUse } from "./foreign.ts";
import { bitsOf, type MarkMeaning, type OwnMarks, ownMarks } from "./own-marks.ts";

/**
 * Foreign rules that use weir's bits of the packet mark.
 *
 * An error is a rule that sets or asks for one of them: its packets would be masqueraded, dropped or rejected, or weir's
 * would meet that rule. Kubernetes' own two bits mean the same as weir's, which is a warning. Rules that may clear a
 * bit after weir has set it (a mark restored from the connection in FORWARD) are warnings: which packets pass both is
 * not known. On the way in, before weir marks anything, clearing does no harm; the ipvs backend marks first of all.
 */
export function markConflicts(foreign: ForeignUse, desired: BackendProgram): readonly Finding[] {
  const own = ownMarks(desired);
  const findings: Finding[] = [];
  const ownRouting = desired.backend === "ipvs" ? ownRoutingTexts(desired) : new Set<string>();
  for (const use of foreign.marks) {
    if (use.field === "connection" && desired.backend !== "ipvs") continue;
    if (use.hook === "routing" && isOwnRule(use, ownRouting)) continue;
    const wanted = use.field === "connection" ? masqueradeOnly(own) : own;
    const shared = bitsOf(use.ones).flatMap((bit) => {
      const meaning = wanted.get(bit);
      return meaning === undefined ? [] : [{ bit, meaning }];
    });
    if (shared.length > 0) findings.push(sharedBits(use, shared));
    else if (mayClear(use, wanted, desired.backend === "ipvs")) findings.push(clearedBits(use));
  }
  return merged(findings);
}

/** Tells the rules of an earlier apply of this artifact: same mark, same table. */
function ownRoutingTexts(desired: Extract<BackendProgram, { readonly backend: "ipvs" }>): ReadonlySet<string> {
  const { ipv4, ipv6 } = desired.program.routing;
  return new Set(
    [ipv4, ipv6].flatMap((routing) => (routing === null ? [] : [`${routing.rule.mark} lookup ${routing.rule.table}`])),
  );
}

function isOwnRule(use: MarkUse, own: ReadonlySet<string>): boolean {
  const table = /lookup (\S+)/.exec(use.text)?.[1] ?? "";
  return own.has(`${use.ones} lookup ${table}`);
}

/** IPVS remembers in the connection mark whether to masquerade, and nothing else. */
function masqueradeOnly(own: OwnMarks): OwnMarks {
  return new Map([...own].filter(([, meaning]) => meaning === "masqueraded"));
}

function sharedBits(use: MarkUse, shared: readonly { bit: number; meaning: MarkMeaning }[]): Finding {
  const bits = shared.map(({ bit }) => `${Math.log2(bit)} (${hex(bit)})`).join(", ");
  const fate = [...new Set(shared.map(({ meaning }) => meaning))].join(" and ");
  const isKnown = use.isKubernetes && shared.every(({ meaning }) => meaning === "masqueraded" || meaning === "dropped");
  const verb = use.action === "set" ? "sets" : "asks for";
  const plural = shared.length === 1 ? "bit" : "bits";
  return {
    severity: isKnown ? "warning" : "error",
    code: "conflict/mark",
    what: `${use.place} ${verb} ${use.field === "packet" ? "mark" : "connection mark"} ${plural} ${bits} of weir's`,
    why: `${isKnown ? "Kubernetes means the same by it: " : `packets with it are ${fate} by weir: `}${use.text}`,
    help: isKnown ? null : shared.some(({ meaning }) => isOfIpvs(meaning)) ? helpForIpvs : helpForBits,
    services: [],
  };
}

const helpForBits =
  "choose other bits in the spec's cluster block (masquerade-bit, drop-bit, reject-bit), or let that rule use others";

/** These two are not chosen by a word of their own: see markLayout of the backend. */
const helpForIpvs =
  "IPVS takes the two highest bits below 31 that masquerade-bit, drop-bit and reject-bit leave free: let that rule use others, or use another backend";

function isOfIpvs(meaning: MarkMeaning): boolean {
  return meaning === "delivered to IPVS" || meaning === "sent to a virtual server";
}

function mayClear(use: MarkUse, own: OwnMarks, marksEarly: boolean): boolean {
  if (use.action !== "set" || use.isKubernetes) return false;
  if (use.hook === "before" && !marksEarly) return false;
  return [...own].some(([bit]) => (use.zeros & bit) !== 0);
}

function clearedBits(use: MarkUse): Finding {
  return {
    severity: "warning",
    code: "conflict/mark-cleared",
    what: `${use.place} may clear mark bits of weir's`,
    why: `packets that pass it after weir has marked them are not masqueraded or refused: ${use.text}`,
    help: "let that rule change only the bits that it means, with a mask",
    services: [],
  };
}

/** One finding for each place and bits: a firewall often has the same rule many times. */
function merged(findings: readonly Finding[]): readonly Finding[] {
  const first = new Map<string, Finding>();
  for (const finding of findings) {
    const key = `${finding.code} ${finding.severity} ${finding.what}`;
    if (!first.has(key)) first.set(key, finding);
  }
  return [...first.values()];
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
