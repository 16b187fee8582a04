import type { Packet } from "../../compiler/backends/packet.ts";
import {
  addressFromBits,
  compareAddresses,
  type Family,
  families,
  type IpAddress,
  isLoopback,
  type Prefix,
  prefixContains,
} from "../../compiler/net/address.ts";
import type { Port, Protocol } from "../../compiler/net/port.ts";
import type { LabProtocol, Listener } from "./protocol.ts";

/** A server of the world around the node. */
export interface LabEndpoint {
  readonly protocol: Protocol;
  readonly address: IpAddress;
  readonly port: Port;
  /** Runs on the node under test. */
  readonly local: boolean;
}

/** What a lab is built from: who is where. Packets say what will be tried. */
export interface LabWorld {
  readonly nodeAddresses: readonly IpAddress[];
  readonly endpoints: readonly LabEndpoint[];
  /** Addresses of the node's own pods. */
  readonly podRanges: readonly Prefix[];
  /** Begins the names of interfaces by which pods are told; packets without an interface must come in by others. */
  readonly podInterface: string | null;
  readonly packets: readonly Packet[];
}

/** A namespace around the node, behind one of the node's interfaces. Hosts may share an interface: then it is a bridge. */
export interface LabHost {
  readonly name: string;
  readonly interfaceName: string;
  readonly addresses: readonly IpAddress[];
  readonly listeners: readonly Listener[];
}

export interface LabPlan {
  readonly nodeAddresses: readonly IpAddress[];
  readonly nodeListeners: readonly Listener[];
  /** The first is the node's default route, and owns every address that has no other owner. */
  readonly hosts: readonly LabHost[];
}

/**
 * Given to the node where a family has no declared address: masquerading needs one. From the ranges for benchmarks
 * (RFC 2544) and for documentation.
 */
const spareNodeAddress: Readonly<Record<Family, IpAddress>> = {
  ipv4: addressFromBits("ipv4", 0xc612fe01n),
  ipv6: addressFromBits("ipv6", 0x20010db8_fffe_0000_0000_0000_0000_0001n),
};

interface Draft {
  readonly name: string;
  readonly interfaceName: string;
  readonly addresses: Map<string, IpAddress>;
  readonly listeners: Map<string, Listener>;
}

function listenerKey(listener: Listener): string {
  return `${listener.protocol} ${listener.address} ${listener.port}`;
}

export function isLabProtocol(protocol: Protocol): protocol is LabProtocol {
  return protocol !== "sctp";
}

/**
 * Packets that can be tried in one lab: in each group a source comes in by one interface only,
 * since an address can be in one place at a time.
 */
export function splitByInterface(packets: readonly Packet[]): readonly (readonly Packet[])[] {
  const groups: { readonly interfaces: Map<string, string | null>; readonly packets: Packet[] }[] = [];
  for (const packet of packets) {
    const source = packet.source.text;
    let group = groups.find(
      ({ interfaces }) => !interfaces.has(source) || interfaces.get(source) === packet.inputInterface,
    );
    if (group === undefined) {
      group = { interfaces: new Map(), packets: [] };
      groups.push(group);
    }
    group.interfaces.set(source, packet.inputInterface);
    group.packets.push(packet);
  }
  return groups.map((group) => group.packets);
}

/**
 * Who lives in which namespace. Two addresses share one only if no packet ever goes from one to the other, translated
 * or not, because the kernel would not send it through the node: endpoints together, clients that are no endpoints together,
 * a client that is also an endpoint alone. Destinations that nobody owns belong to the first host, with a listener,
 * so that a packet which the node leaves alone positively arrives, and one that it should have stopped is seen.
 */
export function planLab(world: LabWorld): LabPlan {
  const nodeAddresses = [...world.nodeAddresses];
  for (const family of families) {
    if (!nodeAddresses.some((address) => address.family === family)) nodeAddresses.push(spareNodeAddress[family]);
  }
  const isNode = (address: IpAddress) => isLoopback(address) || nodeAddresses.some((one) => one.text === address.text);
  const stem = world.podInterface?.startsWith("w") ? "q" : "w";
  const isLocal = (address: IpAddress) =>
    world.podRanges.some((range) => prefixContains(range, address)) ||
    world.endpoints.some((endpoint) => endpoint.local && endpoint.address.text === address.text);

  const drafts = new Map<string, Draft>();
  const owners = new Map<string, Draft>();
  const nodeListeners = new Map<string, Listener>();
  const host = (name: string, interfaceName: string): Draft => {
    const found = drafts.get(name);
    if (found !== undefined) return found;
    const made = { name, interfaceName, addresses: new Map(), listeners: new Map() };
    drafts.set(name, made);
    return made;
  };
  const settle = (address: IpAddress, draft: () => Draft) => {
    if (isNode(address) || owners.has(address.text)) return;
    const owner = draft();
    owners.set(address.text, owner);
    owner.addresses.set(address.text, address);
  };
  const listen = (protocol: Protocol, address: IpAddress, port: Port) => {
    if (!isLabProtocol(protocol)) return;
    const listener: Listener = { protocol, address: address.text, port };
    const listeners = isNode(address) ? nodeListeners : owners.get(address.text)?.listeners;
    listeners?.set(listenerKey(listener), listener);
  };

  const remote = host("remote", `${stem}x0`);
  for (const { source, inputInterface } of world.packets) {
    const isEndpoint = world.endpoints.some((endpoint) => endpoint.address.text === source.text);
    const place = isLocal(source) ? "l" : "x";
    if (isEndpoint) settle(source, () => host(source.text, inputInterface ?? `${stem}${place}${drafts.size}`));
    else {
      const where = inputInterface ?? (place === "l" ? "pods" : "outside");
      settle(source, () => host(`clients-${where}`, inputInterface ?? `${stem}${place}${drafts.size}`));
    }
  }
  for (const endpoint of world.endpoints) {
    settle(endpoint.address, () => (isLocal(endpoint.address) ? host("pods", `${stem}l${drafts.size}`) : remote));
    listen(endpoint.protocol, endpoint.address, endpoint.port);
  }
  for (const { protocol, destination, port } of world.packets) {
    settle(destination, () => remote);
    listen(protocol, destination, port);
  }
  return {
    nodeAddresses,
    nodeListeners: [...nodeListeners.values()],
    hosts: [...drafts.values()].map(({ name, interfaceName, addresses, listeners }) => ({
      name,
      interfaceName,
      addresses: [...addresses.values()].sort(compareAddresses),
      listeners: [...listeners.values()],
    })),
  };
}
