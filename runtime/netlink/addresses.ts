import type { Family } from "../../compiler/net/address.ts";
import type { Host } from "../host/host.ts";
import { addressOf } from "./attributes.ts";
import { connectNetlink } from "./connect.ts";
import { hostErrorFromNetlink } from "./errno.ts";
import {
  attributesOf,
  encodeMessage,
  familyNumbers,
  messageFlags,
  type NetlinkMessage,
  payloadOf,
  protocols,
} from "./message.ts";
import { dump } from "./netlink.ts";

/** RTM_GETADDR; IFA_ADDRESS is the other end's on a point-to-point link, and IFA_LOCAL then the own one. */
const getAddress = 22;
const addressAttributes = { address: 1, local: 2 } as const;
/** struct ifaddrmsg */
const headerBytes = 8;

/** Texts of all addresses of all interfaces, those that are down too. Throws HostError. */
export async function readLocalAddresses(host: Host, family: Family): Promise<ReadonlySet<string>> {
  const netlink = await connectNetlink(host, protocols.route);
  try {
    const frame = encodeMessage(getAddress, messageFlags.dump, (writer) => {
      writer.header32(familyNumbers[family]);
      writer.header32(0);
    });
    return new Set(await dump(netlink, frame, "list addresses", (message) => decodeLocal(message, family)));
  } catch (error) {
    throw hostErrorFromNetlink(error);
  } finally {
    netlink.close();
  }
}

function decodeLocal(message: NetlinkMessage, family: Family): string | null {
  const payload = payloadOf(message);
  if (payload.length < headerBytes || payload.readUInt8(0) !== familyNumbers[family]) return null;
  const attributes = attributesOf(message, headerBytes);
  const own = addressOf(attributes, addressAttributes.local, family);
  return (own ?? addressOf(attributes, addressAttributes.address, family))?.text ?? null;
}
