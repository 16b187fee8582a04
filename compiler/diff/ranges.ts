import { addressFromBits, addressWidth, type Family, type Prefix, prefixOf } from "../net/address.ts";
import { compareNumbers } from "../net/order.ts";

/** Addresses from `first` to `last`. */
interface Interval {
  readonly first: bigint;
  readonly last: bigint;
}

/** Everyone, for ranges that are null. */
function intervalsOf(family: Family, ranges: readonly Prefix[] | null): readonly Interval[] {
  const width = addressWidth(family);
  if (ranges === null) return [{ first: 0n, last: (1n << BigInt(width)) - 1n }];
  const sorted = ranges
    .filter(({ address }) => address.family === family)
    .map(({ address, length }) => ({
      first: address.bits,
      last: address.bits + (1n << BigInt(width - length)) - 1n,
    }))
    .sort((a, b) => compareNumbers(a.first, b.first));
  const joined: Interval[] = [];
  for (const next of sorted) {
    const last = joined.at(-1);
    if (last === undefined || next.first > last.last + 1n) joined.push(next);
    else if (next.last > last.last) joined[joined.length - 1] = { first: last.first, last: next.last };
  }
  return joined;
}

/** Both are sorted and apart. */
function subtract(from: readonly Interval[], taken: readonly Interval[]): readonly Interval[] {
  const rest: Interval[] = [];
  let at = 0;
  for (const { first, last } of from) {
    let start = first;
    while (at > 0 && (taken[at - 1]?.last ?? -1n) >= start) at--;
    for (; at < taken.length; at++) {
      const hole = taken[at];
      if (hole === undefined || hole.first > last) break;
      if (hole.first > start) rest.push({ first: start, last: hole.first - 1n });
      if (hole.last >= start) start = hole.last + 1n;
    }
    if (start <= last) rest.push({ first: start, last });
  }
  return rest;
}

/** The fewest prefixes that hold these addresses and no others. */
function prefixesOf(family: Family, intervals: readonly Interval[]): readonly Prefix[] {
  const width = addressWidth(family);
  const prefixes: Prefix[] = [];
  for (const { first, last } of intervals) {
    for (let start = first; start <= last; ) {
      let bits = 0;
      while (bits < width) {
        const size = 1n << BigInt(bits + 1);
        if (start % size !== 0n || start + size - 1n > last) break;
        bits++;
      }
      prefixes.push(prefixOf(addressFromBits(family, start), width - bits));
      start += 1n << BigInt(bits);
    }
  }
  return prefixes;
}

/** The addresses that are in `ranges` and not in `others`; null is everyone. */
export function rangesWithout(
  family: Family,
  ranges: readonly Prefix[] | null,
  others: readonly Prefix[] | null,
): readonly Prefix[] {
  return prefixesOf(family, subtract(intervalsOf(family, ranges), intervalsOf(family, others)));
}
