import { type Family, type IpAddress, type Prefix, parseAddress, parsePrefix } from "../../net/address.ts";
import { type Port, type Protocol, parsePort, protocols } from "../../net/port.ts";
import type { Result } from "../../result.ts";
import { ParseError } from "../text.ts";
import { setOf } from "./elements.ts";
import { type IpSet, type MarkAction, type SetElement, type SetElementKind, setTypes } from "./program.ts";

interface SetReader {
  readonly head: Omit<IpSet, "elements">;
  readonly elements: SetElement[];
}

/**
 * Reads what `printIpset` wrote, or the listing of `ipset save`, whose elements come in no order and whose sizes, seeds
 * and revisions say nothing. Sets of other owners are passed over. Throws ParseError on what weir never writes.
 */
export function parseIpset(text: string): readonly IpSet[] {
  const readers = new Map<string, SetReader>();
  const foreign = new Set<string>();
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    if (line === "") continue;
    const [command, name = "", ...words] = splitWords(line, number);
    if (command === "create") {
      if (readers.has(name)) throw new ParseError(`set ${name} is created twice`, number);
      if (/^weir6?-/.test(name)) readers.set(name, { head: parseCreate(name, words, number), elements: [] });
      else foreign.add(name);
    } else if (command === "add") {
      const reader = readers.get(name);
      if (reader !== undefined) reader.elements.push(parseElement(reader.head, words, number));
      else if (!foreign.has(name)) throw new ParseError(`set ${name} is not created`, number);
    } else throw new ParseError(`unknown command ${command}`, number);
  }
  return [...readers.values()].map(({ head, elements }) => {
    const set = setOf(head, { actions: head.hasActions, comments: head.hasComments }, elements);
    if (set.elements.length < elements.length) throw new ParseError(`set ${head.name} has an element twice`, number);
    return set;
  });
}

const kinds = Object.keys(setTypes).filter((kind): kind is SetElementKind => kind in setTypes);

/** The arguments of `create` after the name. Throws ParseError for what weir never makes. */
export function parseCreate(name: string, words: readonly string[], line: number): Omit<IpSet, "elements"> {
  const [type, , family] = words;
  const kind = kinds.find((each) => setTypes[each] === type);
  if (kind === undefined) throw new ParseError(`unknown type ${type}`, line);
  if (family !== "inet" && family !== "inet6") throw new ParseError(`unknown family ${family}`, line);
  return {
    name,
    family: family === "inet" ? "ipv4" : "ipv6",
    kind,
    hasActions: words.includes("skbinfo"),
    hasComments: words.includes("comment"),
  };
}

/** An element with its options, as words. Throws ParseError for what weir never writes into this set. */
export function parseElement(head: Omit<IpSet, "elements">, words: readonly string[], line: number): SetElement {
  const [first = "", middle, last] = (words[0] ?? "").split(",");
  const { family, kind, hasActions } = head;
  const at = (value: string) => ofFamily(accepted(parseAddress(value), line), family, line);
  const net = (value: string) => netOf(value, family, line);
  switch (kind) {
    case "ip":
      return { kind, address: at(first) };
    case "net":
      return { kind, prefix: net(first) };
    case "ip-port":
      return { kind, address: at(first), ...portOf(middle, line), ...extensionsOf(words, hasActions, line) };
    case "net-port":
      return { kind, prefix: net(first), ...portOf(middle, line), ...extensionsOf(words, hasActions, line) };
    case "ip-port-net":
      return { kind, address: at(first), ...portOf(middle, line), prefix: net(last ?? "") };
    case "ip-port-ip":
      return { kind, address: at(first), ...portOf(middle, line), client: at(last ?? "") };
  }
}

function accepted<T>(result: Result<T>, line: number): T {
  if (!result.ok) throw new ParseError(result.reason, line);
  return result.value;
}

function ofFamily(address: IpAddress, family: Family, line: number): IpAddress {
  if (address.family !== family) throw new ParseError(`${address.text} is in a set of the other family`, line);
  return address;
}

function netOf(text: string, family: Family, line: number): Prefix {
  const prefix = accepted(parsePrefix(text), line);
  ofFamily(prefix.address, family, line);
  if (prefix.length === 0) throw new ParseError(`no set takes ${text}`, line);
  return prefix;
}

function portOf(text: string | undefined, line: number): { readonly protocol: Protocol; readonly port: Port } {
  const [name, digits = ""] = (text ?? "").split(":");
  const protocol = protocols.find((each) => each === name);
  if (protocol === undefined) throw new ParseError(`${text} is no protocol with a port`, line);
  return { protocol, port: accepted(parsePort(digits), line) };
}

function extensionsOf(
  words: readonly string[],
  hasActions: boolean,
  line: number,
): { readonly action: MarkAction | null; readonly comment: string } {
  const { comment, skbmark, ...others } = optionsOf(words, line);
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw new ParseError(`unknown option ${unknown}`, line);
  if (comment === undefined) throw new ParseError("an element has no comment", line);
  if (hasActions !== (skbmark !== undefined)) throw new ParseError("a mark is missing, or too much", line);
  return { action: skbmark === undefined ? null : actionOf(skbmark, line), comment };
}

/** Pairs of a word and its value after the element itself. */
function optionsOf(words: readonly string[], line: number): Readonly<Record<string, string>> {
  const options: Record<string, string> = {};
  for (let at = 1; at < words.length; at += 2) {
    const [name, value] = [words[at], words[at + 1]];
    if (name === undefined || value === undefined || name in options) {
      throw new ParseError(`unexpected ${name}`, line);
    }
    options[name] = value;
  }
  return options;
}

function actionOf(text: string, line: number): MarkAction {
  const [value = "", mask = "0xffffffff"] = text.split("/");
  if (!/^0x[0-9a-f]{1,8}$/.test(value) || !/^0x[0-9a-f]{1,8}$/.test(mask)) {
    throw new ParseError(`${text} is no mark`, line);
  }
  return { value: Number(value), mask: Number(mask) };
}

/** Words of one line. Only comments are quoted, and hold no quote themselves. */
export function splitWords(line: string, number: number): readonly string[] {
  const open = line.indexOf('"');
  if (open === -1) return line.trimEnd().split(" ");
  const close = line.indexOf('"', open + 1);
  if (close === -1) throw new ParseError("a quote is not closed", number);
  const after = line.slice(close + 1).trim();
  return [
    ...line.slice(0, open).trimEnd().split(" "),
    line.slice(open + 1, close),
    ...(after === "" ? [] : after.split(" ")),
  ];
}
