import type {
  ForwardingMethod,
  IpvsTimeouts,
  Persistence,
  VirtualServerId,
} from "../../compiler/backends/ipvs/program.ts";
import type { VirtualServerSettings } from "../../compiler/backends/step.ts";
import { addressWidth, compareAddresses, type Family } from "../../compiler/net/address.ts";
import { compareNumbers } from "../../compiler/net/order.ts";
import { compareProtocols, type Protocol, protocols } from "../../compiler/net/port.ts";
import { type Attributes, addressOf, be16Of, be32Of, nestedOf, textOf, u8Of, u16Of, u32Of } from "./attributes.ts";
import {
  commandAttributes,
  destAttributes,
  familyOfServer,
  methodNumbers,
  protocolNumbers,
  serviceAttributes,
  serviceFlags,
  tunnelNumbers,
} from "./ipvs.ts";
import type { RealServerState, VirtualServerState } from "./ipvs-state.ts";
import { attributesOf, familyOf, genericHeaderSize, type NetlinkMessage } from "./message.ts";

/** The kernel's answers, and the words of a program for them. */

/** Schedulers by name. A new one in the table of the compiler does not compile until it stands here. */
const schedulers: Readonly<Record<VirtualServerSettings["scheduler"], true>> = {
  rr: true,
  wrr: true,
  lc: true,
  wlc: true,
  lblc: true,
  lblcr: true,
  dh: true,
  sh: true,
  sed: true,
  nq: true,
  mh: true,
  fo: true,
  ovf: true,
};

function isScheduler(name: string): name is VirtualServerSettings["scheduler"] {
  return Object.hasOwn(schedulers, name);
}

/** One message of a dump, without its real servers; null for what has no key that we know. */
export function decodeService(message: NetlinkMessage): VirtualServerState | null {
  const service = nestedOf(attributesOf(message, genericHeaderSize), commandAttributes.service);
  const id = decodeId(service);
  if (id === null) return null;
  const unusual: string[] = [];
  const name = textOf(service, serviceAttributes.scheduler) ?? "none";
  if (!isScheduler(name)) unusual.push(`scheduler ${name}`);
  const engine = textOf(service, serviceAttributes.persistenceEngine);
  if (engine !== null && engine !== "") unusual.push(`persistence engine ${engine}`);
  const flags = u32Of(service, serviceAttributes.flags) ?? 0;
  const known = Object.values(serviceFlags).reduce((sum, flag) => sum | flag, 0);
  if ((flags & ~known) !== 0) unusual.push(`flags 0x${(flags >>> 0).toString(16)}`);
  const netmask = decodeNetmask(service, familyOfServer(id));
  if (netmask === null) unusual.push("a netmask with holes");
  const persistence: Persistence | null =
    (flags & serviceFlags.persistent) === 0
      ? null
      : {
          timeoutSeconds: u32Of(service, serviceAttributes.timeout) ?? 0,
          prefixLength: netmask ?? addressWidth(familyOfServer(id)),
        };
  return {
    id,
    key: null,
    scheduler: isScheduler(name) ? name : "wrr",
    schedulerFlags: (["fallback", "port"] as const).filter((flag) => (flags & serviceFlags[flag]) !== 0),
    persistence,
    onePacket: (flags & serviceFlags.onePacket) !== 0,
    realServers: [],
    unusual: unusual.length === 0 ? null : unusual.join(", "),
  };
}

function decodeId(service: Attributes): VirtualServerId | null {
  const family = familyOf(u16Of(service, serviceAttributes.family) ?? 0);
  if (family === null) return null;
  const mark = u32Of(service, serviceAttributes.mark);
  if (mark !== null && mark !== 0) return { kind: "mark", family, mark };
  const number = u16Of(service, serviceAttributes.protocol);
  const protocol: Protocol | undefined = protocols.find((name) => protocolNumbers[name] === number);
  const address = addressOf(service, serviceAttributes.address, family);
  const port = be16Of(service, serviceAttributes.port);
  if (protocol === undefined || address === null || port === null) return null;
  return { kind: "address", address, protocol, port };
}

/** The length of the prefix; null for a mask that is none. */
function decodeNetmask(service: Attributes, family: Family): number | null {
  if (family === "ipv6") return u32Of(service, serviceAttributes.netmask) ?? 128;
  const mask = be32Of(service, serviceAttributes.netmask) ?? 0xffffffff;
  const length = Math.clz32(~mask);
  return mask === (length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0) ? length : null;
}

/** One message of a dump. Kernels before 4.1 name no family: it is then the virtual server's. */
export function decodeDest(message: NetlinkMessage, id: VirtualServerId): RealServerState | null {
  const dest = nestedOf(attributesOf(message, genericHeaderSize), commandAttributes.dest);
  const family = familyOf(u16Of(dest, destAttributes.family) ?? 0) ?? familyOfServer(id);
  const address = addressOf(dest, destAttributes.address, family);
  const port = be16Of(dest, destAttributes.port);
  if (address === null || port === null) return null;
  const { method, unusual } = decodeMethod(dest);
  return {
    address,
    port,
    method,
    weight: u32Of(dest, destAttributes.weight) ?? 0,
    upperThreshold: u32Of(dest, destAttributes.upperThreshold) ?? 0,
    lowerThreshold: u32Of(dest, destAttributes.lowerThreshold) ?? 0,
    activeConnections: u32Of(dest, destAttributes.activeConnections) ?? 0,
    inactiveConnections: u32Of(dest, destAttributes.inactiveConnections) ?? 0,
    persistentConnections: u32Of(dest, destAttributes.persistentConnections) ?? 0,
    unusual,
  };
}

function decodeMethod(dest: Attributes): { readonly method: ForwardingMethod; readonly unusual: string | null } {
  const number = (u32Of(dest, destAttributes.method) ?? 0) & 7;
  if (number === methodNumbers.masq) return { method: { kind: "masq" }, unusual: null };
  if (number === methodNumbers.route) return { method: { kind: "route" }, unusual: null };
  if (number !== methodNumbers.tunnel) {
    return { method: { kind: "route" }, unusual: `forwarding method ${number === 1 ? "local" : number}` };
  }
  const typeNumber = u8Of(dest, destAttributes.tunnelType) ?? 0;
  const type = (["ipip", "gue", "gre"] as const).find((name) => tunnelNumbers[name] === typeNumber);
  const flags = u16Of(dest, destAttributes.tunnelFlags) ?? 0;
  const port = be16Of(dest, destAttributes.tunnelPort) ?? 0;
  return {
    method: { kind: "tunnel", type: type ?? "ipip", port: port === 0 ? null : port },
    unusual: type === undefined ? `tunnel type ${typeNumber}` : flags === 0 ? null : `tunnel checksum flags ${flags}`,
  };
}

export function decodeConfig(message: NetlinkMessage): IpvsTimeouts {
  const attributes = attributesOf(message, genericHeaderSize);
  return {
    tcp: u32Of(attributes, commandAttributes.timeoutTcp) ?? 0,
    tcpFin: u32Of(attributes, commandAttributes.timeoutTcpFin) ?? 0,
    udp: u32Of(attributes, commandAttributes.timeoutUdp) ?? 0,
  };
}

/** IPv4 first; of a family those by address, protocol and port before those by mark. The kernel lists them in the order of a hash. */
export function compareServers(a: { readonly id: VirtualServerId }, b: { readonly id: VirtualServerId }): number {
  const families = compareNumbers(rank(a.id), rank(b.id));
  if (families !== 0) return families;
  if (a.id.kind === "mark" || b.id.kind === "mark") {
    return a.id.kind === "mark" && b.id.kind === "mark" ? compareNumbers(a.id.mark, b.id.mark) : 0;
  }
  return (
    compareAddresses(a.id.address, b.id.address) ||
    compareProtocols(a.id.protocol, b.id.protocol) ||
    compareNumbers(a.id.port, b.id.port)
  );
}

function rank(id: VirtualServerId): number {
  return (familyOfServer(id) === "ipv6" ? 2 : 0) + (id.kind === "mark" ? 1 : 0);
}

export function compareRealServers(a: RealServerState, b: RealServerState): number {
  return compareAddresses(a.address, b.address) || compareNumbers(a.port, b.port);
}
