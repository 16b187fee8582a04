import type { InterfaceTest } from "../backends/condition.ts";
import {
  addressFromBits,
  addressWidth,
  comparePrefixes,
  type Family,
  type IpAddress,
  type Prefix,
} from "../net/address.ts";
import { compareNumbers, compareText } from "../net/order.ts";
import { type Port, type PortRange, rangeHas } from "../net/port.ts";

/**
 * Values that stand for all others. Rules ask of an address only whether it is in some prefix, and prefixes either nest
 * or are apart; so two addresses with the same innermost prefix answer every question alike, and one of them is enough.
 */
export function addressRepresentatives(family: Family, prefixes: readonly Prefix[]): readonly IpAddress[] {
  const sorted = distinct([everything(family), ...prefixes]);
  return sorted.flatMap((prefix, at) => {
    const found = outsideOfInner(prefix, sorted, at + 1);
    return found === null ? [] : [found];
  });
}

function everything(family: Family): Prefix {
  const address = addressFromBits(family, 0n);
  return { address, length: 0, text: `${address.text}/0` };
}

function distinct(prefixes: readonly Prefix[]): readonly Prefix[] {
  const sorted = [...prefixes].sort(comparePrefixes);
  return sorted.filter((prefix, at) => prefix.text !== sorted[at - 1]?.text);
}

/** An address of the prefix that is in none of those inside it, which follow it in the list; null when they fill it. */
function outsideOfInner(prefix: Prefix, sorted: readonly Prefix[], from: number): IpAddress | null {
  const { family, bits } = prefix.address;
  if (prefix.length === addressWidth(family)) return prefix.address;
  const last = lastBits(prefix);
  for (const start of [likely(prefix), bits]) {
    let candidate = start;
    for (let at = from; at < sorted.length && candidate <= last; at++) {
      const inner = sorted[at];
      if (inner === undefined || inner.address.bits > candidate) break;
      const end = lastBits(inner);
      if (end >= candidate) candidate = end + 1n;
    }
    if (candidate <= last) return addressFromBits(family, candidate);
  }
  return null;
}

/** An address that people find plausible: not the first of a network, which looks like the network itself. */
function likely({ address, length }: Prefix): bigint {
  if (length > 0) return address.bits + 1n;
  return address.family === "ipv4" ? 0x08080808n : 0x20014860486000000000000000008888n;
}

function lastBits({ address, length }: Prefix): bigint {
  return address.bits + (1n << BigInt(addressWidth(address.family) - length)) - 1n;
}

/** One port for each set of ranges that ports may be in; 0 is no port. */
export function portRepresentatives(ranges: readonly PortRange[]): readonly Port[] {
  const single = new Set(ranges.filter(({ first, last }) => first === last).map(({ first }) => first));
  const wide = ranges.filter(({ first, last }) => first !== last);
  const starts = [1, ...wide.flatMap(({ first, last }) => [first, last + 1])].filter(
    (port) => port >= 1 && port <= 65535,
  );
  const cuts = [...new Set(starts)].sort(compareNumbers);
  const found = new Map<string, Port>();
  for (const [at, cut] of cuts.entries()) {
    const next = cuts[at + 1] ?? 65536;
    let port = cut;
    while (single.has(port) && port < next) port++;
    const signature = wide.map((range) => (rangeHas(range, cut) ? "1" : "0")).join("");
    if (port < next && !found.has(signature)) found.set(signature, port);
  }
  return [...single, ...found.values()].sort(compareNumbers);
}

/** One name for each set of tests that a name may pass; null where nothing asks for interfaces. */
export function interfaceRepresentatives(tests: readonly InterfaceTest[]): readonly (string | null)[] {
  if (tests.length === 0) return [null];
  const names = tests.flatMap(({ name, isPrefix }) => (isPrefix ? [`${name}0`] : [name, `${name}0`]));
  const found = new Map<string, string>();
  for (const name of [...names, "outside0"]) {
    const signature = tests.map((test) => (isPassed(test, name) ? "1" : "0")).join("");
    if (!found.has(signature)) found.set(signature, name);
  }
  return [...found.values()].sort(compareText);
}

function isPassed({ name, isPrefix }: InterfaceTest, value: string): boolean {
  return isPrefix ? value.startsWith(name) : value === name;
}
