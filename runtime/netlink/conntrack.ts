import type { StaleFlow } from "../../compiler/backends/step.ts";
import { type Family, families } from "../../compiler/net/address.ts";
import { HostError } from "../host/error.ts";
import type { Host } from "../host/host.ts";
import { readLocalAddresses } from "./addresses.ts";
import { type Attributes, addressOf, be16Of, bytesOf, nestedOf, typesOf, u8Of, type Writer } from "./attributes.ts";
import { connectNetlink } from "./connect.ts";
import { hostErrorFromNetlink, hostErrorOf, NetlinkError } from "./errno.ts";
import {
  attributesOf,
  encodeNetfilter,
  type Frame,
  familyNumbers,
  messageFlags,
  type NetlinkMessage,
  netfilterHeaderSize,
  protocols,
} from "./message.ts";
import { dump, mostInFlight, type Netlink } from "./netlink.ts";

/**
 * Connection tracking. Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h.
 */

/** NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_* */
const conntrack = { subsystem: 1, get: 1, delete: 2 } as const;
/** CTA_* */
const attributes = { original: 1, reply: 2, id: 12, zone: 18, filter: 25 } as const;
/** CTA_TUPLE_* */
const tupleAttributes = { address: 1, protocol: 2 } as const;
/** CTA_IP_* */
const addressAttributes = { ipv4: { source: 1, destination: 2 }, ipv6: { source: 3, destination: 4 } } as const;
/** CTA_PROTO_* */
const protocolAttributes = { number: 1, sourcePort: 2, destinationPort: 3 } as const;
/** CTA_FILTER_ORIG_FLAGS and its bit for the protocol: since Linux 5.8; kernels before it list everything. */
const filter = { originalFlags: 1, byProtocol: 1 << 3 } as const;

const udp = 17;

/** `10.96.0.10 53`, and `* 30053` for any address of the node's. */
type FlowIndex = ReadonlyMap<string, readonly StaleFlow[]>;

function indexOf(flows: readonly StaleFlow[]): FlowIndex {
  const index = new Map<string, StaleFlow[]>();
  for (const flow of flows) {
    const key = `${flow.destination?.text ?? "*"} ${flow.port}`;
    const some = index.get(key) ?? [];
    some.push(flow);
    index.set(key, some);
  }
  return index;
}

/**
 * Deletes the UDP entries that any of the flows describes, reading each family once; tells how many there were.
 * Flows to a port of any address are those to addresses of this node: what passes through it to others is left alone.
 * A kernel without connection tracking has none. Throws HostError.
 */
export async function deleteFlows(host: Host, flows: readonly StaleFlow[]): Promise<number> {
  if (flows.length === 0) return 0;
  let netlink: Netlink;
  try {
    netlink = await connectNetlink(host, protocols.netfilter);
  } catch (error) {
    if (isWithoutNetfilter(error)) return 0;
    throw error;
  }
  try {
    let deleted = 0;
    for (const family of families) {
      const own = flows.filter((flow) => flow.family === family);
      if (own.length > 0) deleted += await deleteOfFamily(host, netlink, family, own);
    }
    return deleted;
  } catch (error) {
    // EINVAL: this kernel's netfilter has no connection tracking to talk about
    if (error instanceof NetlinkError && (error.errno === "EINVAL" || error.errno === "EOPNOTSUPP")) return 0;
    throw hostErrorFromNetlink(error);
  } finally {
    netlink.close();
  }
}

function isWithoutNetfilter(error: unknown): boolean {
  return error instanceof HostError && (error.errno === "EPROTONOSUPPORT" || error.errno === "EAFNOSUPPORT");
}

async function deleteOfFamily(
  host: Host,
  netlink: Netlink,
  family: Family,
  flows: readonly StaleFlow[],
): Promise<number> {
  const index = indexOf(flows);
  const hasAnyAddress = flows.some(({ destination }) => destination === null);
  const local = hasAnyAddress ? await readLocalAddresses(host, family) : new Set<string>();
  const frames = await dump(netlink, encodeDump(family), "list connection tracking entries", (message) =>
    deletionFor(message, family, index, local),
  );
  let deleted = 0;
  for (let start = 0; start < frames.length; start += mostInFlight) {
    const some = frames.slice(start, start + mostInFlight);
    const refusals = await netlink.batch(some, "delete connection tracking entries");
    // it has timed out meanwhile, or is another one now
    const refusal = refusals.find(({ errno }) => errno !== "ENOENT");
    if (refusal !== undefined) throw hostErrorOf(refusal.errno, `delete connection tracking entries (${family}, udp)`);
    deleted += some.length - refusals.length;
  }
  return deleted;
}

function encodeDump(family: Family): Frame {
  return encodeNetfilter(conntrack.subsystem, conntrack.get, messageFlags.dump, familyNumbers[family], (writer) => {
    writer.nested(attributes.original, () => {
      writer.nested(tupleAttributes.protocol, () => writer.u8(protocolAttributes.number, udp));
    });
    writer.nested(attributes.filter, () => writer.u32(filter.originalFlags, filter.byProtocol));
  });
}

/** Address and port at both ends of one direction. */
interface Tuple {
  readonly addresses: Attributes;
  readonly ports: Attributes;
}

function tupleOf(entry: Attributes, type: number): Tuple {
  const tuple = nestedOf(entry, type);
  return { addresses: nestedOf(tuple, tupleAttributes.address), ports: nestedOf(tuple, tupleAttributes.protocol) };
}

/** The message that deletes the entry when a flow describes it; null when none does. */
function deletionFor(
  message: NetlinkMessage,
  family: Family,
  index: FlowIndex,
  local: ReadonlySet<string>,
): Frame | null {
  const entry = attributesOf(message, netfilterHeaderSize);
  const original = tupleOf(entry, attributes.original);
  if (u8Of(original.ports, protocolAttributes.number) !== udp) return null;
  const destination = addressOf(original.addresses, addressAttributes[family].destination, family);
  const port = be16Of(original.ports, protocolAttributes.destinationPort);
  if (destination === null || port === null) return null;
  const flows = [
    ...(index.get(`${destination.text} ${port}`) ?? []),
    ...(local.has(destination.text) ? (index.get(`* ${port}`) ?? []) : []),
  ];
  if (flows.length === 0) return null;
  const reply = tupleOf(entry, attributes.reply);
  const server = addressOf(reply.addresses, addressAttributes[family].source, family);
  const serverPort = be16Of(reply.ports, protocolAttributes.sourcePort);
  const isStale = flows.some(({ endpoint }) => {
    const expected = endpoint ?? { address: destination, port };
    return server?.text === expected.address.text && serverPort === expected.port;
  });
  return isStale ? encodeDeletion(family, entry) : null;
}

/** By the tuple, in its zone; and by its number, so that an entry that has taken its place stays. */
function encodeDeletion(family: Family, entry: Attributes): Frame {
  return encodeNetfilter(conntrack.subsystem, conntrack.delete, 0, familyNumbers[family], (writer) => {
    const original = nestedOf(entry, attributes.original);
    writer.nested(attributes.original, () => {
      for (const type of typesOf(original)) {
        if (type === tupleAttributes.address || type === tupleAttributes.protocol) {
          const part = nestedOf(original, type);
          writer.nested(type, () => copyAttributes(writer, part, typesOf(part)));
        } else copyAttributes(writer, original, [type]);
      }
    });
    copyAttributes(writer, entry, [attributes.id, attributes.zone]);
  });
}

function copyAttributes(writer: Writer, from: Attributes, types: readonly number[]): void {
  for (const type of types) {
    const value = bytesOf(from, type);
    if (value !== null) writer.bytes(type, value);
  }
}
