import type { IpAddress } from "../../net/address.ts";
import { addressFromBits, addressWidth } from "../../net/address.ts";
import { formatSocket } from "../../net/socket.ts";
import { unreachable } from "../../result.ts";
import type { ArtifactFile } from "../backend.ts";
import { TextWriter } from "../text.ts";
import type { ForwardingMethod, IpvsTimeouts, RealServer, VirtualServer, VirtualServerId } from "./program.ts";

/**
 * Input for `ipvsadm --restore`, which takes no comments, in the order of options of `ipvsadm --save --numeric`.
 * ipvsadm 1.31 or later, for tunnel types.
 */
export function printVirtualServers(
  path: string,
  servers: readonly VirtualServer[],
  timeouts: IpvsTimeouts,
): ArtifactFile {
  const writer = new TextWriter();
  const { tcp, tcpFin, udp } = timeouts;
  if (tcp + tcpFin + udp > 0) writer.line(`--set ${tcp} ${tcpFin} ${udp}`);
  for (const server of servers) {
    const id = printId(server.id);
    writer.line(printServer(server));
    for (const real of server.realServers) writer.line(`-a ${id}${printRealServer(real)}`);
  }
  return writer.file(path);
}

/** The line of a virtual server without its real servers. */
export function printServer(server: VirtualServer): string {
  return `-A ${printId(server.id)}${printSettings(server)}`;
}

const protocolOptions = { tcp: "-t", udp: "-u", sctp: "--sctp-service" } as const;

/** As `-A` takes it; ipvsadm wants the family after the mark. */
export function printId(id: VirtualServerId): string {
  if (id.kind === "mark") return `-f ${id.mark}${id.family === "ipv6" ? " -6" : ""}`;
  return `${protocolOptions[id.protocol]} ${formatSocket(id.address, id.port)}`;
}

function printSettings({ scheduler, schedulerFlags, persistence, onePacket, id }: VirtualServer): string {
  let text = ` -s ${scheduler}`;
  if (persistence !== null) {
    const family = id.kind === "mark" ? id.family : id.address.family;
    text += ` -p ${persistence.timeoutSeconds}`;
    if (persistence.prefixLength < addressWidth(family)) text += ` -M ${printMask(family, persistence.prefixLength)}`;
  }
  if (onePacket) text += " -o";
  if (schedulerFlags.length > 0) text += ` -b ${schedulerFlags.map((flag) => `${scheduler}-${flag}`).join(",")}`;
  return text;
}

/** IPv4 masks are written as addresses, IPv6 ones as lengths. */
function printMask(family: IpAddress["family"], length: number): string {
  if (family === "ipv6") return String(length);
  return addressFromBits("ipv4", (0xffffffffn << BigInt(32 - length)) & 0xffffffffn).text;
}

function printRealServer({ address, port, method, weight, upperThreshold, lowerThreshold }: RealServer): string {
  let text = ` -r ${formatSocket(address, port)} ${methodOption(method)} -w ${weight}`;
  if (upperThreshold > 0) text += ` -x ${upperThreshold}`;
  if (lowerThreshold > 0) text += ` -y ${lowerThreshold}`;
  if (method.kind === "tunnel") {
    text += ` --tun-type ${method.type}${method.port === null ? "" : ` --tun-port ${method.port}`}`;
  }
  return text;
}

function methodOption(method: ForwardingMethod): string {
  switch (method.kind) {
    case "masq":
      return "-m";
    case "route":
      return "-g";
    case "tunnel":
      return "-i";
    default:
      return unreachable(method);
  }
}
