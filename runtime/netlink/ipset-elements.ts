import type { Family } from "../../compiler/net/address.ts";
import { type Attributes, addressOf, be16Of, be64Of, nestedOf, textOf, typesOf, u8Of } from "./attributes.ts";

/** Elements of sets, as the words of `ipset add` behind the set's name. */

/** IPSET_ATTR_* of elements. */
const attributes = {
  ip: 1,
  cidr: 3,
  port: 4,
  protocol: 7,
  ip2: 20,
  cidr2: 21,
  comment: 26,
  mark: 27,
} as const;
const known: ReadonlySet<number> = new Set(Object.values(attributes));
/** IPSET_ATTR_IPADDR_* */
const addressTypes = { ipv4: 1, ipv6: 2 } as const satisfies Record<Family, number>;
const hostBits = { ipv4: 32, ipv6: 128 } as const satisfies Record<Family, number>;
const protocolNames: ReadonlyMap<number, string> = new Map([
  [6, "tcp"],
  [17, "udp"],
  [132, "sctp"],
  [136, "udplite"],
]);

/**
 * `10.96.0.10,tcp:80 comment "shop/web:http" skbmark 0x40000000/0x60000000`. null for what is not known here: timeouts,
 * counters, exceptions, other protocols, comments that would end a line or their quotes, which only others write.
 */
export function decodeElement(element: Attributes, type: string, family: Family): string | null {
  if (typesOf(element).some((key) => !known.has(key))) return null;
  const parts: string[] = [];
  let isFirst = true;
  for (const dimension of type.slice("hash:".length).split(",")) {
    const part = dimension === "port" ? portOf(element) : placeOf(element, dimension, isFirst, family);
    if (part === null) return null;
    parts.push(part);
    isFirst = false;
  }
  const comment = textOf(element, attributes.comment);
  const mark = markOf(element);
  if (comment !== null && !/^[^"\p{Cc}]*$/u.test(comment)) return null;
  return `${parts.join(",")}${comment === null ? "" : ` comment "${comment}"`}${mark === null ? "" : ` skbmark ${mark}`}`;
}

/** `tcp:80` */
function portOf(element: Attributes): string | null {
  const [protocol, port] = [u8Of(element, attributes.protocol), be16Of(element, attributes.port)];
  const name = protocolNames.get(protocol ?? -1);
  return name === undefined || port === null ? null : `${name}:${port}`;
}

/** An address, or a network with its length when that is not a whole address's. */
function placeOf(element: Attributes, dimension: string, isFirst: boolean, family: Family): string | null {
  const [ip, cidr] = isFirst ? [attributes.ip, attributes.cidr] : [attributes.ip2, attributes.cidr2];
  const address = addressOf(nestedOf(element, ip), addressTypes[family], family);
  if (address === null) return null;
  const length = dimension === "net" ? u8Of(element, cidr) : hostBits[family];
  if (length === null) return null;
  return length === hostBits[family] ? address.text : `${address.text}/${length}`;
}

/** Value and mask, 32 bits each. */
function markOf(element: Attributes): string | null {
  const both = be64Of(element, attributes.mark);
  if (both === null) return null;
  const [value, mask] = [both >> 32n, both & 0xffff_ffffn];
  const text = `0x${value.toString(16)}`;
  return mask === 0xffff_ffffn ? text : `${text}/0x${mask.toString(16)}`;
}
