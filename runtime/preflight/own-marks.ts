import type { IptablesProgram, IptablesRule } from "../../compiler/backends/iptables/program.ts";
import type { IpvsProgram } from "../../compiler/backends/ipvs/program.ts";
import type { NftProgram } from "../../compiler/backends/nftables/program.ts";
import { families } from "../../compiler/net/address.ts";
import type { BackendProgram } from "../desired/programs.ts";

/** What becomes of packets with a bit of weir's, in the words of a sentence: `packets with it are masqueraded`. */
export type MarkMeaning = "masqueraded" | "dropped" | "rejected" | "delivered to IPVS" | "sent to a virtual server";

/** The bits of the packet mark that an artifact uses, by what they mean, each a number with one bit set. */
export type OwnMarks = ReadonlyMap<number, MarkMeaning>;

/**
 * Read from the rules themselves, so that it holds for artifacts of any spec. A bit whose rules are not in the artifact
 * (drop, when nothing is dropped) is not used by it.
 */
export function ownMarks(desired: BackendProgram): OwnMarks {
  switch (desired.backend) {
    case "nftables":
      return nftMarks(desired.program);
    case "iptables":
      return iptablesMarks(desired.program);
    case "userspace":
      return iptablesMarks(desired.program.rules);
    case "ipvs":
      return ipvsMarks(desired.program);
  }
}

function nftMarks(program: NftProgram): OwnMarks {
  const marks = new Map<number, MarkMeaning>();
  for (const { chains } of program.tables) {
    for (const statement of chains.flatMap(({ rules }) => rules.flat())) {
      if (statement.kind !== "assign" || statement.field !== "mark" || statement.value.kind !== "bits") continue;
      const { operator, value } = statement.value;
      if (operator === "|" && typeof value === "number") addBits(marks, value, "masqueraded");
    }
  }
  return marks;
}

function rulesOf(program: IptablesProgram): readonly IptablesRule[] {
  return families.flatMap((family) =>
    (program[family]?.tables ?? []).flatMap(({ chains }) => chains.flatMap(({ rules }) => rules)),
  );
}

/** What a rule does with packets that have a bit tells what the bit means; a bit that is only set is for masquerading. */
function iptablesMarks(program: IptablesProgram): OwnMarks {
  const marks = new Map<number, MarkMeaning>();
  const rules = rulesOf(program);
  for (const { target } of rules) {
    if (target.kind === "mark" && target.value !== 0) addBits(marks, target.value, "masqueraded");
  }
  for (const { matches, target } of rules) {
    for (const match of matches) {
      if (match.kind !== "mark" || match.negated || match.value === 0) continue;
      if (target.kind === "drop") addBits(marks, match.value, "dropped");
      if (target.kind === "reject") addBits(marks, match.value, "rejected");
    }
  }
  return marks;
}

/** The mark of a virtual server has the bit `deliver`, and another that all of them share; that one is told last. */
function ipvsMarks(program: IpvsProgram): OwnMarks {
  const marks = new Map<number, MarkMeaning>();
  const deliver = families.flatMap((family) => program.routing[family]?.rule.mark ?? []);
  for (const { matches, target } of rulesOf(program.rules)) {
    for (const match of matches) {
      if (match.kind !== "mark" || match.negated || target.kind === "reject") continue;
      if (target.kind === "drop") addBits(marks, match.value, "dropped");
      if (target.kind === "goto") addBits(marks, match.value, "rejected");
      if (target.kind === "ct-mark") addBits(marks, match.value, "masqueraded");
    }
  }
  for (const mark of deliver) addBits(marks, mark, "delivered to IPVS");
  for (const { target } of rulesOf(program.rules)) {
    if (target.kind !== "mark" || target.value === 0) continue;
    for (const bit of bitsOf(target.value)) if (!marks.has(bit)) marks.set(bit, "sent to a virtual server");
  }
  return marks;
}

function addBits(marks: Map<number, MarkMeaning>, value: number, meaning: MarkMeaning): void {
  for (const bit of bitsOf(value)) marks.set(bit, meaning);
}

/** The single bits of a mark, lowest first. */
export function bitsOf(value: number): readonly number[] {
  return Array.from({ length: 32 }, (_, place) => 2 ** place).filter((bit) => (value & bit) !== 0);
}
