import type { IrMarks } from "../../ir/ir.ts";
import type { Family } from "../../net/address.ts";
import { type Prefix, parsePrefix } from "../../net/address.ts";
import { assert } from "../../result.ts";
import { fixedChains } from "./names.ts";
import type { IptablesChain, IptablesJump, RejectWith } from "./program.ts";
import { clearMark, comment, forEachProtocol, goTo, hasMark, jump, rule, setMark } from "./rules.ts";

/**
 * Where packets enter weir's chains. All jumps stand before rules of other owners: translation must see the packet as it
 * came, and a verdict must be obeyed before a host firewall accepts. DNAT hooks are PREROUTING for packets that arrive
 * and OUTPUT for those of the node itself; verdicts need all three hooks of filter, because routing decides which one
 * a marked packet meets.
 */
export const jumps: readonly IptablesJump[] = [
  { table: "filter", chain: "INPUT", target: fixedChains.verdicts, position: "first" },
  { table: "filter", chain: "FORWARD", target: fixedChains.verdicts, position: "first" },
  { table: "filter", chain: "OUTPUT", target: fixedChains.verdicts, position: "first" },
  { table: "nat", chain: "PREROUTING", target: fixedChains.services, position: "first" },
  { table: "nat", chain: "OUTPUT", target: fixedChains.services, position: "first" },
  { table: "nat", chain: "POSTROUTING", target: fixedChains.postrouting, position: "first" },
];

const rejectWith: Readonly<Record<Family, RejectWith>> = {
  ipv4: "icmp-port-unreachable",
  ipv6: "icmp6-port-unreachable",
};

export const loopback: Readonly<Record<Family, Prefix>> = { ipv4: known("127.0.0.0/8"), ipv6: known("::1/128") };

function known(text: string): Prefix {
  const parsed = parsePrefix(text);
  assert(parsed.ok, text);
  return parsed.value;
}

/** The filter table: only new connections, because a mark may be left over from other programs later on. */
export function verdictChains(family: Family, marks: IrMarks): readonly IptablesChain[] {
  const isNew = { kind: "ct-state", states: ["NEW"], negated: false } as const;
  return [
    {
      name: fixedChains.verdicts,
      rules: [
        rule([hasMark(marks.drop), isNew, comment("weir: dropped service traffic")], { kind: "drop" }),
        rule([hasMark(marks.reject), isNew, comment("weir: rejected service traffic")], {
          kind: "reject",
          with: rejectWith[family],
        }),
      ],
    },
  ];
}

/**
 * The nat table refuses DROP and REJECT, so a verdict is a mark for the filter table. ACCEPT ends the nat table for
 * this packet: nobody else should translate what is about to be refused.
 */
export function verdictMarkChains(marks: IrMarks): readonly IptablesChain[] {
  return [
    { name: fixedChains.drop, rules: [rule([], setMark(marks.drop)), rule([], { kind: "accept" })] },
    { name: fixedChains.reject, rules: [rule([], setMark(marks.reject)), rule([], { kind: "accept" })] },
    { name: fixedChains.unserved, rules: forEachProtocol(goTo(fixedChains.reject)) },
    { name: fixedChains.unallocated, rules: forEachProtocol(goTo(fixedChains.drop)) },
  ];
}

/**
 * The way out: what was marked leaves with the node's address, and so does an endpoint that was sent to itself.
 * The mark is cleared, so that a packet that comes around again (IPsec, a tunnel) is not masqueraded twice.
 */
export function postroutingChains(marks: IrMarks, hasHairpin: boolean): readonly IptablesChain[] {
  const dnatted = { kind: "ct-state", states: ["DNAT"], negated: false } as const;
  return [
    {
      name: fixedChains.postrouting,
      rules: [
        rule([hasMark(marks.masquerade)], goTo(fixedChains.masquerade)),
        ...(hasHairpin ? [rule([dnatted], jump(fixedChains.hairpin))] : []),
      ],
    },
    {
      name: fixedChains.masquerade,
      rules: [rule([], clearMark(marks.masquerade)), rule([], { kind: "masquerade", fullyRandom: true })],
    },
  ];
}
