import type { Family } from "../../net/address.ts";
import { ParseError } from "../text.ts";
import { setOf } from "./elements.ts";
import { parseCreate, parseElement, splitWords } from "./parse-sets.ts";
import { roomFor } from "./print-sets.ts";
import type { IpSet, SetElement, SetElementKind } from "./program.ts";

/** An element that weir does not write, in a set of its own. */
export interface ForeignElement {
  readonly set: string;
  /** What names it, for `ipset del`. */
  readonly element: string;
  /** With its options, as listed. */
  readonly text: string;
}

export interface SetListing {
  /** One that someone else made in weir's name is among them, in a form that weir never makes, and without elements. */
  readonly sets: readonly IpSet[];
  readonly foreign: readonly ForeignElement[];
  /** Names of those that someone else made. */
  readonly odd: readonly string[];
}

/** A set is weir's when its name begins so. */
export const ownSetName = /^weir6?-/;

interface Reader {
  readonly head: Omit<IpSet, "elements">;
  readonly isOdd: boolean;
  readonly elements: SetElement[];
}

/**
 * Reads the listing of `ipset save`, in which others may have written into weir's sets; other sets are passed over.
 * Throws ParseError on what is no such listing.
 */
export function parseSetListing(text: string): SetListing {
  const readers = new Map<string, Reader>();
  const foreign: ForeignElement[] = [];
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    if (line === "") continue;
    const [command, name = "", ...words] = splitWords(line, number);
    if (command === "create") {
      if (ownSetName.test(name)) readers.set(name, readHead(name, words, number));
    } else if (command === "add") {
      const reader = readers.get(name);
      if (reader === undefined || reader.isOdd) continue;
      const element = readElement(reader.head, words, number);
      if (element !== null) reader.elements.push(element);
      else foreign.push({ set: name, element: words[0] ?? "", text: line.slice(`add ${name} `.length) });
    } else throw new ParseError(`unknown command ${command}`, number);
  }
  return {
    sets: [...readers.values()].map(({ head, elements }) =>
      setOf(head, { actions: head.hasActions, comments: head.hasComments }, elements),
    ),
    foreign,
    odd: [...readers.values()].flatMap(({ head, isOdd }) => (isOdd ? [head.name] : [])),
  };
}

function readHead(name: string, words: readonly string[], line: number): Reader {
  const head = accepted(() => parseCreate(name, words, line));
  if (head === null || head.family !== familyOfName(name))
    return { head: impossibleHead(name), isOdd: true, elements: [] };
  // the same type, so that one of weir's can take its place at once
  const isOdd = hasOtherOptions(words);
  return { head: isOdd ? { ...head, hasComments: !head.hasComments } : head, isOdd, elements: [] };
}

function familyOfName(name: string): Family {
  return name.startsWith("weir6-") ? "ipv6" : "ipv4";
}

/** A kind that weir gives to no set of the name. */
function impossibleHead(name: string): Omit<IpSet, "elements"> {
  const kind: SetElementKind = name.endsWith("hairpin") ? "ip" : "ip-port-ip";
  return { name, family: familyOfName(name), kind, hasActions: false, hasComments: false };
}

const valued: ReadonlySet<string> = new Set(["family", "hashsize", "maxelem", "bucketsize", "initval"]);
const plain: ReadonlySet<string> = new Set(["comment", "skbinfo"]);

/** Timeouts, counters, masks, less room than weir gives. */
function hasOtherOptions(words: readonly string[]): boolean {
  for (let at = 1; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "maxelem" && Number(words[at + 1]) < roomFor(0)) return true;
    if (valued.has(word)) at++;
    else if (!plain.has(word)) return true;
  }
  return false;
}

/** null for what weir never writes into this set. */
function readElement(head: Omit<IpSet, "elements">, words: readonly string[], line: number): SetElement | null {
  // other kinds have no options
  if (words.length > 1 && head.kind !== "ip-port" && head.kind !== "net-port") return null;
  return accepted(() => parseElement(head, words, line));
}

function accepted<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ParseError) return null;
    throw error;
  }
}
