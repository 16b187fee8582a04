import { nowhere } from "../../grammar/builders.ts";
import type { Leaf, Line, Span } from "../../grammar/nodes.ts";
import type { IpAddress, Prefix } from "../net/address.ts";
import type { PortRange } from "../net/port.ts";

/** Leaves and lines of a syntax tree that has no text yet. */

/** A word of the language, a name, or a value such as an address; the printer puts names in quotes where they need it. */
export function word(text: string): Leaf {
  return { kind: "word", text, ...nowhere, shape: "%word" };
}

export function number(value: number): Leaf {
  return { kind: "number", text: String(value), ...nowhere, shape: "%number" };
}

export function percentage(value: number): Leaf {
  return { kind: "percent", text: `${value}%`, ...nowhere, shape: "%percent" };
}

export function duration(seconds: number): Leaf {
  if (seconds > 0 && seconds % 3600 === 0) return word(`${seconds / 3600}h`);
  return word(seconds > 0 && seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`);
}

export function range({ first, last }: PortRange): Leaf {
  return word(`${first}-${last}`);
}

export function addressLeaf(address: IpAddress): Leaf {
  return word(address.text);
}

/** A prefix of full length stands for its one address. */
export function prefixLeaf(prefix: Prefix): Leaf {
  return word(prefix.text);
}

export function line<S extends Span>(statement: S, blankBefore = false): Line<S> {
  return { kind: "line", statement, comment: null, blankBefore, inner: [] };
}
