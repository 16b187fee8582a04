import { addressFromBits, addressWidth, type Family, type IpAddress } from "../../net/address.ts";
import { assert } from "../../result.ts";
import { assign, concat, field, goTo, jump, lookup, match, rule } from "./expressions.ts";
import {
  type ChainAffinity,
  type Masquerade,
  masqueradeChain,
  type Place,
  type PoolNumber,
  pickChain,
  rememberChain,
  rememberedChain,
  stickyChain,
  translateChain,
  weightsMap,
  wideChain,
} from "./names.ts";
import type { NftDatatype, NftExpression, NftFamily, NftRegularChain, NftStatement } from "./program.ts";
import { frontendKey, podMatch, type SkeletonFacts } from "./skeleton.ts";
import { endpointRange, slotBase } from "./slots.ts";

/** The small chains that services share: one for each number of slots, affinity timeout and way to masquerade in use. */

/** How the endpoint of a connection is chosen. */
export interface Choice {
  readonly place: Place;
  readonly pool: PoolNumber;
  readonly totalWeight: number;
  readonly affinity: ChainAffinity | null;
  readonly masquerade: Masquerade;
  /** The frontend, when its pool has too many slots for the shared maps. */
  readonly wide: { readonly key: string; readonly where: string } | null;
}

/** The chain that a frontend's verdict leads to, and the chains that lead on from it. */
export function chainsFor(choice: Choice, facts: SkeletonFacts): readonly [NftRegularChain, ...NftRegularChain[]] {
  const { place, pool, totalWeight, affinity, wide } = choice;
  if (affinity === null) {
    const name = wide === null ? pickChain(place, pool, totalWeight) : wideChain(wide.key, wide.where, pool, null);
    return masqueraded(choice, facts, [chain(name, [[chooseSlot(choice), goTo(translateChain(place))]])]);
  }
  const remembered = rememberedChain(place, pool, affinity);
  const remember = rememberChain(place, affinity);
  const name =
    wide === null ? stickyChain(place, pool, totalWeight, affinity) : wideChain(wide.key, wide.where, pool, affinity);
  return masqueraded(choice, facts, [
    chain(name, [rule(jump(remembered)), rule(chooseSlot(choice), goTo(remember))]),
    chain(remembered, [rememberedRule(facts.family, place, pool, affinity)]),
    chain(remember, rememberRules(facts.family, place, affinity)),
  ]);
}

function chain(name: string, rules: NftRegularChain["rules"]): NftRegularChain {
  return { kind: "regular", name, rules };
}

function chooseSlot({ pool, totalWeight, wide }: Choice): NftStatement {
  return wide === null
    ? assign("priority", { kind: "random", modulus: totalWeight, offset: slotBase(pool) })
    : assign(
        "priority",
        lookup({ kind: "random", modulus: totalWeight, offset: 0 }, weightsMap(wide.key, wide.where, pool)),
      );
}

function masqueraded(
  choice: Choice,
  facts: SkeletonFacts,
  chains: readonly [NftRegularChain, ...NftRegularChain[]],
): readonly [NftRegularChain, ...NftRegularChain[]] {
  if (choice.masquerade === "never") return chains;
  const name = chains[0].name;
  const setMark = assign("mark", { kind: "bits", field: "mark", operator: "|", value: facts.marks.masquerade });
  if (choice.masquerade === "always")
    return [chain(masqueradeChain("always", name), [rule(setMark, goTo(name))]), ...chains];
  const notPod = podMatch(facts.detector, true);
  assert(notPod !== null, `${name} excepts pods, and nothing tells them`);
  return [chain(masqueradeChain("unless-pod", name), [rule(notPod, setMark), rule(goTo(name))]), ...chains];
}

/**
 * Reaches the endpoint whose number the client's entry holds. The pool is asked again, so an entry whose endpoint is
 * gone leads nowhere and the caller chooses anew; the range keeps an entry of another pool of the frontend from counting.
 */
function rememberedRule(family: NftFamily, place: Place, pool: PoolNumber, affinity: ChainAffinity) {
  const key = affinityKey(family, place, affinity);
  const map = affinityMap(place);
  return rule(
    assign("priority", lookup(key, map)),
    match(field("priority"), { kind: "class-range", ...endpointRange(pool) }),
    { kind: "update", map, key, timeoutSeconds: affinity.timeoutSeconds, data: field("priority") },
    jump(translateChain(place)),
  );
}

/**
 * From slot to endpoint number, into the client's entry, and on. `update` keeps the data of an entry that exists,
 * so a stale one is deleted first. With the map full the update fails, and the connection is served all the same.
 * A number (from a wide pool) is in no `slots` and stays as it is.
 */
function rememberRules(family: NftFamily, place: Place, affinity: ChainAffinity) {
  const key = affinityKey(family, place, affinity);
  const map = affinityMap(place);
  const entry = { map, key, timeoutSeconds: affinity.timeoutSeconds, data: field("priority") } as const;
  const slots = place === "address" ? "slots" : "node-port-slots";
  return [
    rule(assign("priority", lookup(concat(...frontendKey(place), field("priority")), slots))),
    rule({ kind: "delete", ...entry }),
    rule({ kind: "update", ...entry }),
    rule(goTo(translateChain(place))),
  ];
}

function affinityMap(place: Place): string {
  return place === "address" ? "affinity" : "node-port-affinity";
}

/**
 * nft 1.0.6 aborts on `update` with a key of more than 16 bytes, so an IPv6 client and VIP go in as two 32-bit hashes
 * with different seeds: two clients of one port share an entry with a chance of 2^-64, and then merely share the choice.
 */
const hashModulus = 0xffffffff;
const hashSeeds = [1, 2] as const;

export function affinityKeyTypes(family: NftFamily, place: Place): readonly NftDatatype[] {
  if (family === "ip6") return ["integer", "integer", "inet_proto", "inet_service"];
  return place === "address"
    ? ["ipv4_addr", "ipv4_addr", "inet_proto", "inet_service"]
    : ["ipv4_addr", "inet_proto", "inet_service"];
}

function affinityKey(family: NftFamily, place: Place, affinity: ChainAffinity): NftExpression {
  const client: NftExpression =
    affinity.maskLength === null
      ? field("saddr")
      : { kind: "bits", field: "saddr", operator: "&", value: netmask(family, affinity.maskLength) };
  if (family === "ip") return concat(client, ...frontendKey(place));
  const hashed = place === "address" ? concat(client, field("daddr")) : client;
  return concat(
    ...hashSeeds.map((seed): NftExpression => ({ kind: "hash", of: hashed, modulus: hashModulus, seed })),
    field("l4proto"),
    field("dport"),
  );
}

function netmask(nftFamily: NftFamily, length: number): IpAddress {
  const family: Family = nftFamily === "ip" ? "ipv4" : "ipv6";
  const width = BigInt(addressWidth(family));
  const zeros = width - BigInt(length);
  return addressFromBits(family, (((1n << width) - 1n) >> zeros) << zeros);
}
