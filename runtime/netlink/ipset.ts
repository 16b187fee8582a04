import type { Family } from "../../compiler/net/address.ts";
import type { Host } from "../host/host.ts";
import { type Attributes, be32Of, eachNestedOf, nestedOf, textOf, typesOf, u8Of } from "./attributes.ts";
import { connectNetlink } from "./connect.ts";
import { hostErrorFromNetlink, NetlinkError } from "./errno.ts";
import { decodeElement } from "./ipset-elements.ts";
import {
  attributesOf,
  encodeNetfilter,
  type Frame,
  familyNumbers,
  familyOf,
  messageFlags,
  type NetlinkMessage,
  netfilterHeaderSize,
  protocols,
} from "./message.ts";
import { dump, type Netlink } from "./netlink.ts";

/**
 * Listings of sets, as texts that `ipset save` prints too. Source: include/uapi/linux/netfilter/ipset/ip_set.h.
 */

/** NFNL_SUBSYS_IPSET, IPSET_CMD_LIST, and the protocol that every kernel and every ipset since 2011 speaks. */
const ipset = { subsystem: 6, list: 7, protocol: 6 } as const;
/** IPSET_ATTR_* of messages. */
const attributes = { protocol: 1, name: 2, type: 3, revision: 4, family: 5, flags: 6, data: 7, elements: 8 } as const;
/** IPSET_ATTR_* in the data of a set. */
const headAttributes = { cadtFlags: 8, maxElements: 19, hashSize: 18 } as const;
/** What says nothing about what is in a set: seed, bucket size, counts of elements, references, bytes. */
const sizes: ReadonlySet<number> = new Set([17, 18, 19, 21, 24, 25, 26]);
/** IPSET_FLAG_LIST_SETNAME: names alone. */
const namesOnly = 1 << 1;
/** IPSET_FLAG_WITH_*, and the words for them. */
const extensions: readonly (readonly [flag: number, word: string])[] = [
  [1 << 3, "counters"],
  [1 << 4, "comment"],
  [1 << 5, "forceadd"],
  [1 << 6, "skbinfo"],
];
const knownFlags = extensions.reduce((all, [flag]) => all | flag, 0);

/** What a set of a type is keyed by: the types that weir makes. */
const setTypes: ReadonlySet<string> = new Set([
  "hash:ip",
  "hash:net",
  "hash:ip,port",
  "hash:net,port",
  "hash:ip,port,net",
  "hash:ip,port,ip",
]);

/**
 * The sets whose names match, as `ipset save` prints them; empty where the kernel has no sets. null when one is of a kind, or
 * has options, that are not known here: then only the tool can list it. Throws HostError.
 */
export async function readSets(host: Host, isWanted: RegExp): Promise<string | null> {
  try {
    const netlink = await connectNetlink(host, protocols.netfilter);
    try {
      const names = await dump(netlink, encodeNames(), "list sets", nameOf);
      return await readNamed(
        netlink,
        names.filter((name) => isWanted.test(name)),
      );
    } finally {
      netlink.close();
    }
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    // no such subsystem
    if (error.errno === "EINVAL") return "";
    // the numbers of ipset's own errors have no names: another protocol, for instance
    if (error.errno.startsWith("errno ")) return null;
    throw hostErrorFromNetlink(error);
  }
}

async function readNamed(netlink: Netlink, names: readonly string[]): Promise<string | null> {
  const listings = await netlink.dumps(names.map(encodeList), "list sets", (message) => message);
  let text = "";
  for (const messages of listings) {
    const listed = printListing(messages);
    if (listed === null) return null;
    text += listed;
  }
  return text;
}

export function encodeNames(): Frame {
  return encodeNetfilter(ipset.subsystem, ipset.list, messageFlags.dump, familyNumbers.ipv4, (writer) => {
    writer.u8(attributes.protocol, ipset.protocol);
    writer.be32(attributes.flags, namesOnly);
  });
}

export function encodeList(name: string): Frame {
  return encodeNetfilter(ipset.subsystem, ipset.list, messageFlags.dump, familyNumbers.ipv4, (writer) => {
    writer.u8(attributes.protocol, ipset.protocol);
    writer.text(attributes.name, name);
  });
}

function nameOf(message: NetlinkMessage): string | null {
  return textOf(attributesOf(message, netfilterHeaderSize), attributes.name);
}

/**
 * The messages about one set, of which the first has its head and each may have elements. null for what is not known
 * here, "" without messages.
 */
export function printListing(messages: readonly NetlinkMessage[]): string | null {
  let text = "";
  let head: Head | null = null;
  for (const message of messages) {
    const set = attributesOf(message, netfilterHeaderSize);
    if (head === null) {
      head = readHead(set);
      if (head === null) return null;
      text += head.line;
    }
    for (const element of eachNestedOf(nestedOf(set, attributes.elements), attributes.data)) {
      const words = decodeElement(element, head.type, head.family);
      if (words === null) return null;
      text += `add ${head.name} ${words}\n`;
    }
  }
  return text;
}

interface Head {
  readonly name: string;
  readonly type: string;
  readonly family: Family;
  /** `create NAME TYPE family …` */
  readonly line: string;
}

function readHead(set: Attributes): Head | null {
  const [name, type] = [textOf(set, attributes.name), textOf(set, attributes.type)];
  const family = familyOf(u8Of(set, attributes.family) ?? 0);
  const data = nestedOf(set, attributes.data);
  const flags = be32Of(data, headAttributes.cadtFlags) ?? 0;
  const isKnown = typesOf(data).every((key) => sizes.has(key) || key === headAttributes.cadtFlags);
  if (name === null || type === null || family === null || !setTypes.has(type)) return null;
  if (!isKnown || (flags & ~knownFlags) !== 0) return null;
  const words = extensions.filter(([flag]) => (flags & flag) !== 0).map(([, word]) => ` ${word}`);
  const room = `hashsize ${be32Of(data, headAttributes.hashSize) ?? 0} maxelem ${be32Of(data, headAttributes.maxElements) ?? 0}`;
  const inet = family === "ipv4" ? "inet" : "inet6";
  return { name, type, family, line: `create ${name} ${type} family ${inet} ${room}${words.join("")}\n` };
}
