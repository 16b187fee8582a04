import { isHostPrefix, type Prefix } from "../../net/address.ts";
import { assert, unreachable } from "../../result.ts";
import type { ArtifactFile } from "../backend.ts";
import { TextWriter } from "../text.ts";
import { hex } from "./names.ts";
import { type IpSet, type MarkAction, type SetElement, setTypes } from "./program.ts";

/** Input for `ipset restore`, with `-exist` where sets may be there already; written as `ipset save` writes it. */
export function printIpset(path: string, sets: readonly IpSet[]): ArtifactFile {
  const writer = new TextWriter();
  for (const set of sets) {
    writer.line(printCreate(set));
    const start = `add ${set.name} `;
    for (const element of set.elements) writer.line(start + printElement(element));
  }
  return writer.file(path);
}

const families = { ipv4: "inet", ipv6: "inet6" } as const;

/**
 * As many buckets as elements, in powers of two, so that loading never stops to rehash; the limit of elements is no
 * cost and never near. Both grow with the set alone.
 */
export function printCreate({ name, family, kind, elements, hasActions, hasComments }: IpSet): string {
  const hashSize = powerOfTwoFrom(1024, elements.length);
  const maxElements = roomFor(elements.length);
  const extensions = `${hasComments ? " comment" : ""}${hasActions ? " skbinfo" : ""}`;
  return `create ${name} ${setTypes[kind]} family ${families[family]} hashsize ${hashSize} maxelem ${maxElements}${extensions}`;
}

/** How many elements a set of so many is made for. */
export function roomFor(count: number): number {
  return powerOfTwoFrom(2 ** 20, count);
}

function powerOfTwoFrom(least: number, count: number): number {
  let size = least;
  while (size < count) size *= 2;
  return size;
}

export function printElement(element: SetElement): string {
  switch (element.kind) {
    case "ip":
      return element.address.text;
    case "net":
      return printNet(element.prefix);
    case "ip-port":
      return `${element.address.text},${printPort(element)}${printExtensions(element)}`;
    case "net-port":
      return `${printNet(element.prefix)},${printPort(element)}${printExtensions(element)}`;
    case "ip-port-net":
      return `${element.address.text},${printPort(element)},${printNet(element.prefix)}`;
    case "ip-port-ip":
      return `${element.address.text},${printPort(element)},${element.client.text}`;
    default:
      return unreachable(element);
  }
}

/** A single address is listed without its length. */
function printNet(prefix: Prefix): string {
  return isHostPrefix(prefix) ? prefix.address.text : prefix.text;
}

function printPort({ protocol, port }: { readonly protocol: string; readonly port: number }): string {
  return `${protocol}:${port}`;
}

function printExtensions(element: { readonly comment: string; readonly action: MarkAction | null }): string {
  return ` comment ${quote(element.comment)}${element.action === null ? "" : ` skbmark ${printAction(element.action)}`}`;
}

function printAction({ value, mask }: MarkAction): string {
  return mask === 0xffffffff ? hex(value) : `${hex(value)}/${hex(mask)}`;
}

/** ipset has no way to write a quote inside a comment, so a text with one would end it. */
function quote(text: string): string {
  assert(/^[ !#-[\]-~]{1,255}$/.test(text), `comment ${text} cannot be written for ipset`);
  return `"${text}"`;
}
