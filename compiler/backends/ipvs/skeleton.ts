import type { IrDetector } from "../../ir/ir.ts";
import { type Family, type Prefix, parsePrefix } from "../../net/address.ts";
import { compareText } from "../../net/order.ts";
import { protocols } from "../../net/port.ts";
import { assert, unreachable } from "../../result.ts";
import type {
  IptablesChain,
  IptablesJump,
  IptablesMatch,
  IptablesRule,
  IptablesRuleset,
  IptablesTarget,
  SetDirection,
} from "../iptables/program.ts";
import { chains, type MarkLayout, type SetName, setName, unsigned } from "./names.ts";

/**
 * The rules around IPVS. They speak of sets, so they are the same for one service and for 20,000.
 * mangle decides for every packet which virtual server it belongs to and refuses or drops new connections before IPVS
 * sees them: IPVS schedules in LOCAL_OUT at priority -98, before filter OUTPUT, and in LOCAL_IN after filter INPUT
 * (net/netfilter/ipvs/ip_vs_core.c). Packets that IPVS has translated pass OUTPUT and POSTROUTING as `-m ipvs --ipvs`.
 */
export interface SkeletonFacts {
  readonly family: Family;
  readonly marks: MarkLayout;
  readonly detector: IrDetector;
  /** Some node port serves only given sources. */
  readonly hasRangedNodePorts: boolean;
}

export const jumps: readonly IptablesJump[] = [
  { table: "mangle", chain: "PREROUTING", target: chains.in, position: "first" },
  { table: "mangle", chain: "OUTPUT", target: chains.out, position: "first" },
  { table: "mangle", chain: "POSTROUTING", target: chains.clear, position: "first" },
  { table: "filter", chain: "INPUT", target: chains.reject, position: "first" },
  { table: "filter", chain: "FORWARD", target: chains.reject, position: "first" },
  { table: "filter", chain: "OUTPUT", target: chains.reject, position: "first" },
  { table: "nat", chain: "POSTROUTING", target: chains.masquerade, position: "first" },
];

const allBits = 0xffffffff;
const isNew: IptablesMatch = { kind: "ct-state", states: ["NEW"], negated: false };
/** Translated by rules of nat: another program's, or those of a backend that this one takes over from, and not for IPVS. */
const isTranslated: IptablesMatch = { kind: "ct-state", states: ["DNAT"], negated: false };
const isReply: IptablesMatch = { kind: "ct-direction", direction: "REPLY" };
const viaIpvs: IptablesMatch = {
  kind: "ipvs",
  negated: false,
  protocol: null,
  address: null,
  port: null,
  direction: null,
  method: null,
};

/**
 * The rules of one family beside IPVS: marking and refusal before it looks, masquerading after it. They speak of sets, so
 * they do not grow with services. The README of the backend gives the path of a packet.
 */
export function companionRules(facts: SkeletonFacts): IptablesRuleset {
  return {
    family: facts.family,
    tables: [
      { name: "mangle", chains: inNameOrder(mangleChains(facts)) },
      { name: "filter", chains: [rejectChain(facts)] },
      { name: "nat", chains: [masqueradeChain(facts)] },
    ],
    jumps,
  };
}

function mangleChains(facts: SkeletonFacts): readonly IptablesChain[] {
  return [
    {
      name: chains.in,
      rules: [
        rule([isReply], { kind: "return" }),
        rule([isTranslated], { kind: "return" }),
        rule([], goto(chains.dispatch)),
      ],
    },
    {
      name: chains.out,
      rules: [
        rule([note("weir: on its way to a server"), viaIpvs], { kind: "return" }),
        rule([isReply], { kind: "return" }),
        rule([isTranslated], { kind: "return" }),
        rule([], goto(chains.dispatch)),
      ],
    },
    dispatchChain(facts),
    ...frontendChains(facts, {
      chain: chains.address,
      pod: chains.addressPod,
      node: chains.addressNode,
      set: "frontends",
      podSet: "frontendsPod",
      nodeSet: "frontendsNode",
      limits: [inSet(facts, "ranged", "dst", "dst"), notInSet(facts, "allowed", "dst", "dst", "src")],
    }),
    ...frontendChains(facts, {
      chain: chains.nodePort,
      pod: chains.nodePortPod,
      node: chains.nodePortNode,
      set: "nodePorts",
      podSet: "nodePortsPod",
      nodeSet: "nodePortsNode",
      limits: facts.hasRangedNodePorts
        ? [inSet(facts, "nodePortsRanged", "dst", "dst"), notInSet(facts, "nodePortsAllowed", "src", "dst")]
        : null,
    }),
    actChain(facts),
    unservedChain(facts),
    refuseChain(facts),
    clearChain(facts),
  ];
}

/** A service's own address wins over a node port on it. ICMP errors about a service's connections go to IPVS. */
function dispatchChain(facts: SkeletonFacts): IptablesChain {
  const loopback: IptablesMatch = { kind: "destination", prefix: loopbackOf[facts.family], negated: true };
  const icmp = facts.family === "ipv4" ? "icmp" : "ipv6-icmp";
  return {
    name: chains.dispatch,
    rules: [
      rule([inSet(facts, "frontends", "dst", "dst")], goto(chains.address)),
      rule([loopback, inSet(facts, "nodePorts", "dst", "dst"), local("destination")], goto(chains.nodePort)),
      rule(
        [
          { kind: "protocol", protocol: icmp, negated: false },
          { kind: "ct-state", states: ["RELATED"], negated: false },
          inSet(facts, "addresses", "dst"),
        ],
        setBits(facts.marks.deliver),
      ),
      ...protocols.map((protocol) =>
        rule([{ kind: "protocol", protocol, negated: false }, isNew], goto(chains.unserved)),
      ),
    ],
  };
}

interface FrontendChains {
  readonly chain: string;
  readonly pod: string;
  readonly node: string;
  readonly set: SetName;
  readonly podSet: SetName;
  readonly nodeSet: SetName;
  readonly limits: readonly IptablesMatch[] | null;
}

/** Source ranges come first; then what the frontend does with anyone's packets, and what else with a pod's or the node's. */
function frontendChains(facts: SkeletonFacts, names: FrontendChains): readonly IptablesChain[] {
  const limits =
    names.limits === null
      ? []
      : [rule([isNew, note("weir: not in the source ranges"), ...names.limits], { kind: "drop" })];
  return [
    {
      name: names.chain,
      rules: [
        ...limits,
        rule([], mapped(facts, names.set)),
        ...podRules(facts, names.pod),
        rule([local("source")], goto(names.node)),
        rule([], goto(chains.act)),
      ],
    },
    { name: names.pod, rules: [rule([], mapped(facts, names.podSet)), rule([], goto(chains.act))] },
    { name: names.node, rules: [rule([], mapped(facts, names.nodeSet)), rule([], goto(chains.act))] },
  ];
}

function podRules(facts: SkeletonFacts, chain: string): readonly IptablesRule[] {
  const { detector } = facts;
  switch (detector.kind) {
    case "prefixes":
      return [rule([inSet(facts, "pods", "src")], goto(chain))];
    case "interface":
      return [rule([{ kind: "input-interface", name: detector.name, negated: false }], goto(chain))];
    case "interface-prefix":
      return [rule([{ kind: "input-interface", name: `${detector.prefix}+`, negated: false }], goto(chain))];
    case "none":
      return [];
    default:
      return unreachable(detector);
  }
}

/**
 * Masquerading is remembered in the connection, because the packet's mark must be exactly that of the virtual server
 * when IPVS looks. Bits that only told this chain something are cleared: other programs act on them.
 * Verdicts are for new connections; those that exist go on to IPVS, where a draining server may still have them.
 */
function actChain({ marks }: SkeletonFacts): IptablesChain {
  const { masquerade, drop, reject } = marks;
  return {
    name: chains.act,
    rules: [
      rule([isNew, hasBits(drop)], { kind: "drop" }),
      rule([isNew, hasBits(reject)], goto(chains.refuse)),
      rule([isNew, hasBits(masquerade)], { kind: "ct-mark", value: masquerade, mask: masquerade }),
      rule([], { kind: "mark", value: 0, mask: masquerade + drop + reject }),
    ],
  };
}

function unservedChain(facts: SkeletonFacts): IptablesChain {
  return {
    name: chains.unserved,
    rules: [
      rule([note("weir: no such port"), inSet(facts, "vips", "dst")], goto(chains.refuse)),
      rule([note("weir: no service has the address"), inSet(facts, "ranges", "dst")], { kind: "drop" }),
    ],
  };
}

/** The mark of a refusal says nothing else, in no bit: `filter` and IPVS both look for exactly this one. */
function refuseChain({ marks }: SkeletonFacts): IptablesChain {
  return { name: chains.refuse, rules: [rule([], { kind: "mark", value: marks.refused, mask: allBits })] };
}

/**
 * Leaves no mark on packets that leave the node: a tunnel's outer packet would inherit it. The mark of a virtual server
 * has no masquerade bit; one that is there was set by the rules of another backend that is still in place, for nat.
 */
function clearChain({ marks }: SkeletonFacts): IptablesChain {
  const { deliver, byMark, reject, masquerade } = marks;
  return {
    name: chains.clear,
    rules: [
      rule([hasBits(deliver + byMark)], { kind: "mark", value: 0, mask: unsigned(~masquerade) }),
      rule([hasBits(deliver)], { kind: "mark", value: 0, mask: deliver }),
      rule([hasBits(byMark + reject)], { kind: "mark", value: 0, mask: allBits }),
    ],
  };
}

/** Refused packets are not delivered to the node: only then can the kernel answer for an address that is not the node's. */
function rejectChain({ family, marks }: SkeletonFacts): IptablesChain {
  const answer = family === "ipv4" ? "icmp-port-unreachable" : "icmp6-port-unreachable";
  const isRefused: IptablesMatch = { kind: "mark", value: marks.refused, mask: allBits, negated: false };
  return { name: chains.reject, rules: [rule([isNew, isRefused], { kind: "reject", with: answer })] };
}

/** `--ctstate DNAT` never matches connections that IPVS translated, `-m ipvs` does. */
function masqueradeChain(facts: SkeletonFacts): IptablesChain {
  const { masquerade } = facts.marks;
  const isMarked: IptablesMatch = { kind: "ct-mark", value: masquerade, mask: masquerade, negated: false };
  const target: IptablesTarget = { kind: "masquerade", fullyRandom: true };
  return {
    name: chains.masquerade,
    rules: [
      rule([viaIpvs, isMarked], target),
      rule([note("weir: a client sent to itself"), viaIpvs, inSet(facts, "hairpin", "dst", "dst", "src")], target),
    ],
  };
}

const loopbackOf: Readonly<Record<Family, Prefix>> = { ipv4: known("127.0.0.0/8"), ipv6: known("::1/128") };

function known(text: string): Prefix {
  const parsed = parsePrefix(text);
  assert(parsed.ok, text);
  return parsed.value;
}

function rule(matches: readonly IptablesMatch[], target: IptablesTarget): IptablesRule {
  return { matches, target };
}

function goto(chain: string): IptablesTarget {
  return { kind: "goto", chain };
}

function note(text: string): IptablesMatch {
  return { kind: "comment", text };
}

function local(side: "source" | "destination"): IptablesMatch {
  return { kind: "address-type", side, type: "LOCAL", negated: false };
}

function hasBits(bits: number): IptablesMatch {
  return { kind: "mark", value: bits, mask: bits, negated: false };
}

function setBits(bits: number): IptablesTarget {
  return { kind: "mark", value: bits, mask: bits };
}

function inSet(facts: SkeletonFacts, name: SetName, ...directions: readonly SetDirection[]): IptablesMatch {
  return { kind: "set", name: setName(facts.family, name), directions, negated: false };
}

function notInSet(facts: SkeletonFacts, name: SetName, ...directions: readonly SetDirection[]): IptablesMatch {
  return { kind: "set", name: setName(facts.family, name), directions, negated: true };
}

function mapped(facts: SkeletonFacts, name: SetName): IptablesTarget {
  return { kind: "map-set", name: setName(facts.family, name), directions: ["dst", "dst"] };
}

function inNameOrder(list: readonly IptablesChain[]): readonly IptablesChain[] {
  return [...list].sort((a, b) => compareText(a.name, b.name));
}
