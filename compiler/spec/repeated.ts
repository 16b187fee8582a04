/** One of several items with the same identity, and the first of them. */
export interface Repeated<T> {
  readonly item: T;
  readonly first: T;
}

/** The first item of each identity, and all others beside the first that they repeat; both in the order given. */
export function splitRepeated<T>(
  items: readonly T[],
  identityOf: (item: T) => string,
): { readonly firsts: readonly T[]; readonly repeated: readonly Repeated<T>[] } {
  const firsts = new Map<string, T>();
  const repeated: Repeated<T>[] = [];
  for (const item of items) {
    const identity = identityOf(item);
    const first = firsts.get(identity);
    if (first === undefined) firsts.set(identity, item);
    else repeated.push({ item, first });
  }
  return { firsts: [...firsts.values()], repeated };
}
