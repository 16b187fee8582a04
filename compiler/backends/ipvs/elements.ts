import {
  addressFromBits,
  addressWidth,
  compareAddresses,
  comparePrefixes,
  type Prefix,
  prefixOf,
} from "../../net/address.ts";
import { compareNumbers, firstDifference } from "../../net/order.ts";
import { compareProtocols, type Port, type Protocol } from "../../net/port.ts";
import { assert } from "../../result.ts";
import type { IpSet, SetElement, SetElementKind } from "./program.ts";

/** The order of elements in a set: by address or prefix, protocol, port, then the last part. Elements of one kind. */
export function compareElements(a: SetElement, b: SetElement): number {
  switch (a.kind) {
    case "ip":
      assert(b.kind === a.kind, "a set has elements of one kind");
      return compareAddresses(a.address, b.address);
    case "net":
      assert(b.kind === a.kind, "a set has elements of one kind");
      return comparePrefixes(a.prefix, b.prefix);
    case "net-port":
      assert(b.kind === a.kind, "a set has elements of one kind");
      return comparePrefixes(a.prefix, b.prefix) || comparePorts(a, b);
    case "ip-port":
      assert(b.kind === a.kind, "a set has elements of one kind");
      return compareAddresses(a.address, b.address) || comparePorts(a, b);
    case "ip-port-net":
      assert(b.kind === a.kind, "a set has elements of one kind");
      return compareAddresses(a.address, b.address) || comparePorts(a, b) || comparePrefixes(a.prefix, b.prefix);
    case "ip-port-ip":
      assert(b.kind === a.kind, "a set has elements of one kind");
      return compareAddresses(a.address, b.address) || comparePorts(a, b) || compareAddresses(a.client, b.client);
  }
}

interface PortElement {
  readonly protocol: Protocol;
  readonly port: Port;
}

function comparePorts(a: PortElement, b: PortElement): number {
  return firstDifference(compareProtocols(a.protocol, b.protocol), compareNumbers(a.port, b.port));
}

/** A set of these elements: sorted, each once. */
export function setOf(
  head: { readonly name: string; readonly family: IpSet["family"]; readonly kind: SetElementKind },
  extensions: { readonly actions?: boolean; readonly comments?: boolean },
  elements: readonly SetElement[],
): IpSet {
  const sorted = isSorted(elements) ? elements : distinct([...elements].sort(compareElements));
  const { actions = false, comments = false } = extensions;
  return { ...head, hasActions: actions, hasComments: comments, elements: sorted };
}

/** The set with other elements. */
export function withElements(set: IpSet, elements: readonly SetElement[]): IpSet {
  return setOf(set, { actions: set.hasActions, comments: set.hasComments }, elements);
}

function isSorted(elements: readonly SetElement[]): boolean {
  let previous: SetElement | undefined;
  for (const element of elements) {
    if (previous !== undefined && compareElements(previous, element) >= 0) return false;
    previous = element;
  }
  return true;
}

function distinct(sorted: readonly SetElement[]): readonly SetElement[] {
  const kept: SetElement[] = [];
  for (const element of sorted) {
    const last = kept.at(-1);
    if (last === undefined || compareElements(last, element) !== 0) kept.push(element);
  }
  return kept;
}

/** Sets of networks refuse the length 0 (ipset(8)), so everything is its two halves. */
export function storable(prefix: Prefix): readonly Prefix[] {
  if (prefix.length > 0) return [prefix];
  const { family } = prefix.address;
  const upper = addressFromBits(family, 1n << BigInt(addressWidth(family) - 1));
  return [prefixOf(prefix.address, 1), prefixOf(upper, 1)];
}
