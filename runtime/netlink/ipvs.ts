import type {
  ForwardingMethod,
  IpvsTimeouts,
  RealServer,
  VirtualServerId,
} from "../../compiler/backends/ipvs/program.ts";
import type { IpvsRequest, VirtualServerSettings } from "../../compiler/backends/step.ts";
import type { Family, IpAddress } from "../../compiler/net/address.ts";
import type { Port, Protocol } from "../../compiler/net/port.ts";
import { unreachable } from "../../compiler/result.ts";
import type { Writer } from "./attributes.ts";
import { encodeGeneric, type Frame, familyNumbers, messageFlags } from "./message.ts";

/**
 * Requests to IPVS as messages of its generic netlink family. `genl` is the number of the family, which the kernel gives
 * when the module is loaded. Attributes stand in the order of the header.
 * Source: include/uapi/linux/ip_vs.h; what the kernel reads of them: net/netfilter/ipvs/ip_vs_ctl.c.
 */

export const genericName = "IPVS";

/** IPVS_CMD_* */
export const commands = {
  newService: 1,
  setService: 2,
  deleteService: 3,
  getService: 4,
  newDest: 5,
  setDest: 6,
  deleteDest: 7,
  getDest: 8,
  setConfig: 12,
  getConfig: 13,
} as const;

/** IPVS_CMD_ATTR_* */
export const commandAttributes = { service: 1, dest: 2, timeoutTcp: 4, timeoutTcpFin: 5, timeoutUdp: 6 } as const;

/** IPVS_SVC_ATTR_* */
export const serviceAttributes = {
  family: 1,
  protocol: 2,
  address: 3,
  port: 4,
  mark: 5,
  scheduler: 6,
  flags: 7,
  timeout: 8,
  netmask: 9,
  persistenceEngine: 11,
} as const;

/** IPVS_DEST_ATTR_* */
export const destAttributes = {
  address: 1,
  port: 2,
  method: 3,
  weight: 4,
  upperThreshold: 5,
  lowerThreshold: 6,
  activeConnections: 7,
  inactiveConnections: 8,
  persistentConnections: 9,
  family: 11,
  tunnelType: 13,
  tunnelPort: 14,
  tunnelFlags: 15,
} as const;

/** IP_VS_SVC_F_*; the last two are IP_VS_SVC_F_SCHED1 and 2, which sh and mh read alike. `hashed` is the kernel's own. */
export const serviceFlags = { persistent: 1, hashed: 2, onePacket: 4, fallback: 8, port: 16 } as const;
/** Those that weir decides; IP_VS_SVC_F_SCHED3 among them, which has no meaning yet. */
const decidedFlags = 1 | 4 | 8 | 16 | 32;

/** IP_VS_CONN_F_MASQ, TUNNEL, DROUTE. */
export const methodNumbers = { masq: 0, tunnel: 2, route: 3 } as const satisfies Record<
  ForwardingMethod["kind"],
  number
>;

/** IP_VS_CONN_F_TUNNEL_TYPE_* */
export const tunnelNumbers = { ipip: 0, gue: 1, gre: 2 } as const;

/** IPPROTO_* */
export const protocolNumbers = { tcp: 6, udp: 17, sctp: 132 } as const satisfies Record<Protocol, number>;

export function familyOfServer(id: VirtualServerId): Family {
  return id.kind === "mark" ? id.family : id.address.family;
}

/** The settings of a virtual server are all sent, whether it is new or changed: the kernel takes none alone. */
export function encodeRequest(genl: number, request: IpvsRequest): Frame {
  switch (request.op) {
    case "new-service":
      return encodeGeneric(genl, commands.newService, 0, (writer) => encodeService(writer, request.server));
    case "set-service":
      return encodeGeneric(genl, commands.setService, 0, (writer) => encodeService(writer, request.server));
    case "delete-service":
      return encodeGeneric(genl, commands.deleteService, 0, (writer) => encodeServiceId(writer, request.id));
    case "new-dest":
      return encodeGeneric(genl, commands.newDest, 0, (writer) => encodeDest(writer, request.id, request.real));
    case "set-dest":
      return encodeGeneric(genl, commands.setDest, 0, (writer) => encodeDest(writer, request.id, request.real));
    case "delete-dest":
      return encodeGeneric(genl, commands.deleteDest, 0, (writer) => encodeDestId(writer, request.id, request.real));
    case "set-config":
      return encodeGeneric(genl, commands.setConfig, 0, (writer) => encodeTimeouts(writer, request.timeouts));
    default:
      return unreachable(request);
  }
}

export function encodeServiceDump(genl: number): Frame {
  return encodeGeneric(genl, commands.getService, messageFlags.dump);
}

/** Of a virtual server that is not there the kernel gives an empty list, and no error. */
export function encodeDestDump(genl: number, id: VirtualServerId): Frame {
  return encodeGeneric(genl, commands.getDest, messageFlags.dump, (writer) => encodeServiceId(writer, id));
}

export function encodeGetConfig(genl: number): Frame {
  return encodeGeneric(genl, commands.getConfig, 0);
}

function encodeServiceId(writer: Writer, id: VirtualServerId): void {
  writer.nested(commandAttributes.service, () => encodeIdAttributes(writer, id));
}

/** A mark stands without protocol, address and port, but with the family. */
function encodeIdAttributes(writer: Writer, id: VirtualServerId): void {
  writer.u16(serviceAttributes.family, familyNumbers[familyOfServer(id)]);
  if (id.kind === "mark") {
    writer.u32(serviceAttributes.mark, id.mark);
  } else {
    writer.u16(serviceAttributes.protocol, protocolNumbers[id.protocol]);
    encodeUnion(writer, serviceAttributes.address, id.address);
    writer.be16(serviceAttributes.port, id.port);
  }
}

/** nf_inet_addr: 16 bytes, an IPv4 address in the first four. */
function encodeUnion(writer: Writer, type: number, address: IpAddress): void {
  writer.address(type, address, 16);
}

function encodeService(writer: Writer, server: VirtualServerSettings): void {
  const { id, scheduler, persistence } = server;
  writer.nested(commandAttributes.service, () => {
    encodeIdAttributes(writer, id);
    writer.text(serviceAttributes.scheduler, scheduler);
    writer.bytes(serviceAttributes.flags, encodeFlags(server));
    writer.u32(serviceAttributes.timeout, persistence?.timeoutSeconds ?? 0);
    encodeNetmask(writer, familyOfServer(id), persistence?.prefixLength ?? null);
  });
}

/** struct ip_vs_flags: the bits, then which of them are meant. */
function encodeFlags({ persistence, onePacket, schedulerFlags }: VirtualServerSettings): Buffer {
  const bits =
    (persistence === null ? 0 : serviceFlags.persistent) |
    (onePacket ? serviceFlags.onePacket : 0) |
    schedulerFlags.reduce((sum, flag) => sum | serviceFlags[flag], 0);
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(bits, 0);
  bytes.writeUInt32LE(decidedFlags, 4);
  return bytes;
}

/** Of IPv4 the mask's bytes in network order, of IPv6 the length; null is the whole address, as ipvsadm has it. */
function encodeNetmask(writer: Writer, family: Family, length: number | null): void {
  if (family === "ipv6") writer.u32(serviceAttributes.netmask, length ?? 128);
  else writer.be32(serviceAttributes.netmask, length === 0 ? 0 : (0xffffffff << (32 - (length ?? 32))) >>> 0);
}

function encodeDest(writer: Writer, id: VirtualServerId, real: RealServer): void {
  encodeServiceId(writer, id);
  writer.nested(commandAttributes.dest, () => {
    const { address, port, method, weight, upperThreshold, lowerThreshold } = real;
    encodeUnion(writer, destAttributes.address, address);
    writer.be16(destAttributes.port, port);
    writer.u32(destAttributes.method, methodNumbers[method.kind]);
    writer.u32(destAttributes.weight, weight);
    writer.u32(destAttributes.upperThreshold, upperThreshold);
    writer.u32(destAttributes.lowerThreshold, lowerThreshold);
    writer.u16(destAttributes.family, familyNumbers[address.family]);
    if (method.kind === "tunnel") {
      writer.u8(destAttributes.tunnelType, tunnelNumbers[method.type]);
      writer.be16(destAttributes.tunnelPort, method.port ?? 0);
      writer.u16(destAttributes.tunnelFlags, 0);
    }
  });
}

function encodeDestId(
  writer: Writer,
  id: VirtualServerId,
  { address, port }: { readonly address: IpAddress; readonly port: Port },
): void {
  encodeServiceId(writer, id);
  writer.nested(commandAttributes.dest, () => {
    encodeUnion(writer, destAttributes.address, address);
    writer.be16(destAttributes.port, port);
    writer.u16(destAttributes.family, familyNumbers[address.family]);
  });
}

/** Seconds; the kernel keeps what is 0. */
function encodeTimeouts(writer: Writer, { tcp, tcpFin, udp }: IpvsTimeouts): void {
  writer.u32(commandAttributes.timeoutTcp, tcp);
  writer.u32(commandAttributes.timeoutTcpFin, tcpFin);
  writer.u32(commandAttributes.timeoutUdp, udp);
}
