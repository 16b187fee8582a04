import type { IrDetector, IrMarks, IrNodePortAddresses } from "../../ir/ir.ts";
import { hostPrefix, parseAddress, parsePrefix } from "../../net/address.ts";
import { protocols } from "../../net/port.ts";
import { assert } from "../../result.ts";
import {
  assign,
  concat,
  dispatch,
  drop,
  field,
  goTo,
  inSet,
  jump,
  lookup,
  match,
  matchNot,
  rule,
  verdict,
} from "./expressions.ts";
import { type Place, translateChain } from "./names.ts";
import type { NftChain, NftDatatype, NftExpression, NftFamily, NftRule, NftStatement } from "./program.ts";
import { classRange } from "./slots.ts";

/** The part of a table that depends on cluster settings and never on services: base chains, dispatch, translation. */

/** NF_IP_PRI_NAT_DST and NF_IP_PRI_NAT_SRC of include/uapi/linux/netfilter_ipv4.h. */
const dstnatPriority = -100;
const srcnatPriority = 100;

export interface SkeletonFacts {
  readonly family: NftFamily;
  readonly detector: IrDetector;
  readonly nodePortAddresses: IrNodePortAddresses;
  readonly marks: IrMarks;
}

/** What tells one frontend from another: its address, protocol and port, or a node port's protocol and port. */
export function frontendKey(place: Place): readonly NftExpression[] {
  const port = [field("l4proto"), field("dport")];
  return place === "address" ? [field("daddr"), ...port] : port;
}

export function addressType(family: NftFamily): NftDatatype {
  return family === "ip" ? "ipv4_addr" : "ipv6_addr";
}

/** The types of `frontendKey`, in its order. */
export function frontendKeyTypes(family: NftFamily, place: Place): readonly NftDatatype[] {
  return place === "address" ? [addressType(family), "inet_proto", "inet_service"] : ["inet_proto", "inet_service"];
}

/** The chains that every table has; the README of the backend gives the path of a packet through them. */
export function fixedChains(facts: SkeletonFacts): readonly NftChain[] {
  return [
    { kind: "base", name: "prerouting", hook: "prerouting", priority: dstnatPriority, rules: [rule(jump("services"))] },
    { kind: "base", name: "output", hook: "output", priority: dstnatPriority, rules: [rule(jump("services"))] },
    {
      kind: "base",
      name: "postrouting",
      hook: "postrouting",
      priority: srcnatPriority,
      rules: postroutingRules(facts.marks.masquerade),
    },
    { kind: "regular", name: "services", rules: servicesRules(facts) },
    { kind: "regular", name: "serve-node-ports", rules: dispatchRules(facts.detector, "node-port") },
    { kind: "regular", name: "refuse", rules: [rule({ kind: "reject" })] },
    translate("address"),
    translate("node-port"),
  ];
}

/**
 * Chains of type nat see the first packet of a connection only, so verdicts here are for new connections.
 * ICMP and other protocols without ports are not weir's.
 */
function servicesRules(facts: SkeletonFacts): readonly NftRule[] {
  const daddr = field("daddr");
  return [
    rule(matchNot(field("l4proto"), { kind: "protocols", protocols }), verdict({ kind: "return" })),
    ...dispatchRules(facts.detector, "address"),
    rule(
      matchNot(daddr, { kind: "prefix", prefix: loopback(facts.family) }),
      ...(facts.nodePortAddresses.kind === "any" ? [] : [match(daddr, inSet("node-port-addresses"))]),
      match(field("daddr-type"), { kind: "local" }),
      jump("serve-node-ports"),
    ),
    rule(match(daddr, inSet("vips")), goTo("refuse")),
    rule(match(daddr, inSet("service-ranges")), verdict(drop)),
  ];
}

/** Source ranges first, then by where the packet comes from: pods, the node itself, everyone. */
function dispatchRules(detector: IrDetector, place: Place): readonly NftRule[] {
  const parts = frontendKey(place);
  const key = concat(...parts);
  const names =
    place === "address"
      ? { ranged: "ranged", allowed: "allowed", map: "frontends" }
      : { ranged: "node-port-ranged", allowed: "node-port-allowed", map: "node-ports" };
  const fromPod = podMatch(detector, false);
  return [
    rule(
      match(key, inSet(names.ranged)),
      matchNot(concat(...parts, field("saddr")), inSet(names.allowed)),
      verdict(drop),
    ),
    ...(fromPod === null ? [] : [rule(fromPod, dispatch(key, `${names.map}-from-pods`))]),
    rule(match(field("saddr-type"), { kind: "local" }), dispatch(key, `${names.map}-from-node`)),
    rule(dispatch(key, names.map)),
  ];
}

/** Tells packets of pods, or of all others; null when nothing tells them. Host output has no input interface. */
export function podMatch(detector: IrDetector, others: boolean): NftStatement | null {
  const make = others ? matchNot : match;
  switch (detector.kind) {
    case "prefixes":
      return make(field("saddr"), inSet("pods"));
    case "interface":
      return make(field("iifname"), { kind: "interface", name: detector.name, isPrefix: false });
    case "interface-prefix":
      return make(field("iifname"), { kind: "interface", name: detector.prefix, isPrefix: true });
    case "none":
      return null;
  }
}

/**
 * The only rule that refers to the place's pool, since binding a rule to a map makes the kernel walk all its elements.
 * Each place has its own: an entry of a VIP whose endpoint is gone must not be found among the node ports.
 */
function translate(place: Place): NftChain {
  const pool = place === "address" ? "pool" : "node-port-pool";
  const to = lookup(concat(...frontendKey(place), field("priority")), pool);
  return { kind: "regular", name: translateChain(place), rules: [rule({ kind: "dnat", to })] };
}

/**
 * Takes back the class id that chose the endpoint, before any qdisc could see it. Then the mark: cleared, so that a
 * second pass (a tunnel, a bridge) does not masquerade again. Last connections of an endpoint to itself, which
 * would be answered past the node without translation.
 */
function postroutingRules(masqueradeMark: number): readonly NftRule[] {
  const kept = (~masqueradeMark & 0xffffffff) >>> 0;
  return [
    rule(match(field("priority"), { kind: "class-range", ...classRange }), assign("priority", { kind: "no-class" })),
    rule(
      matchNot({ kind: "bits", field: "mark", operator: "&", value: masqueradeMark }, { kind: "number", value: 0 }),
      assign("mark", { kind: "bits", field: "mark", operator: "&", value: kept }),
      { kind: "masquerade" },
    ),
    rule(match(field("ct-status"), { kind: "dnat" }), match(concat(field("saddr"), field("daddr")), inSet("hairpin")), {
      kind: "masquerade",
    }),
  ];
}

function loopback(family: NftFamily) {
  if (family === "ip6") {
    const parsed = parseAddress("::1");
    assert(parsed.ok, "::1");
    return hostPrefix(parsed.value);
  }
  const parsed = parsePrefix("127.0.0.0/8");
  assert(parsed.ok, "127.0.0.0/8");
  return parsed.value;
}
