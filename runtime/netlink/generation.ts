import { HostError } from "../host/error.ts";
import type { Host } from "../host/host.ts";
import { be32Of } from "./attributes.ts";
import { connectNetlink } from "./connect.ts";
import { hostErrorFromNetlink, NetlinkError } from "./errno.ts";
import { attributesOf, encodeNetfilter, netfilterHeaderSize, protocols } from "./message.ts";

/** NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN, NFTA_GEN_ID. Source: include/uapi/linux/netfilter/nf_tables.h. */
const nftables = { subsystem: 10, getGeneration: 16, id: 1 } as const;

/**
 * A number that nf_tables counts up with every transaction of anybody in this network namespace, iptables-nft's too.
 * null where it is not to be had: no nf_tables, no privileges, no netlink.
 */
export async function nftGeneration(host?: Host): Promise<number | null> {
  try {
    const netlink = await connectNetlink(host ?? {}, protocols.netfilter);
    try {
      const frame = encodeNetfilter(nftables.subsystem, nftables.getGeneration, 0, 0);
      const [answer] = await netlink.request(frame, "read the generation of nf_tables");
      if (answer === undefined) return null;
      return be32Of(attributesOf(answer, netfilterHeaderSize), nftables.id);
    } finally {
      netlink.close();
    }
  } catch (error) {
    // EINVAL: no such subsystem
    if (error instanceof NetlinkError && error.errno !== "ETIMEDOUT") return null;
    if (error instanceof HostError && error.trouble === "unsupported") return null;
    throw hostErrorFromNetlink(error);
  }
}
