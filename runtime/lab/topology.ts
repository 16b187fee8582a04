import { addressWidth, type IpAddress, isLoopback } from "../../compiler/net/address.ts";
import type { LabHost, LabPlan } from "./plan.ts";
import type { SysctlValue } from "./protocol.ts";

/**
 * Inputs of `ip -batch`. Every host has one link to the node and its default route there, so that all traffic between hosts
 * is forwarded by the node. Neighbours are fixed: no ARP and no neighbour discovery whose delay a test would have to wait for.
 */
export interface LabTopology {
  readonly node: string;
  /** Undoes `node`, and with it the hosts' ends of the links. */
  readonly nodeCleanup: string;
  /** In the order of the plan's hosts. */
  readonly hosts: readonly string[];
}

const hostInterface = "uplink";
const gateway = { ipv4: "169.254.0.1", ipv6: "fe80::1" } as const;

function macAddress(kind: 1 | 2 | 3, index: number): string {
  const [high, low] = [index >> 8, index & 255].map((byte) => byte.toString(16).padStart(2, "0"));
  return `02:77:00:0${kind}:${high}:${low}`;
}

/** The host as the node's routes name it: an address on the link that nobody owns, with a fixed neighbour entry. */
function nextHop(family: IpAddress["family"], index: number): string {
  return family === "ipv4" ? `169.254.1.${index + 1}` : `fe80::1:${(index + 1).toString(16)}`;
}

function withLength(address: IpAddress): string {
  return `${address.text}/${addressWidth(address.family)}`;
}

function addressLine(address: IpAddress, device: string): string {
  return `addr add ${withLength(address)} dev ${device}${address.family === "ipv6" ? " nodad" : ""}`;
}

function hostScript(host: LabHost, gatewayMac: string): string {
  return [
    "link set lo up",
    `link set ${hostInterface} up`,
    ...host.addresses.map((address) => addressLine(address, hostInterface)),
    ...Object.values(gateway).flatMap((address) => [
      `neigh add ${address} lladdr ${gatewayMac} dev ${hostInterface} nud permanent`,
      `route add default via ${address} dev ${hostInterface} onlink`,
    ]),
  ].join("\n");
}

/** `pids[i]` holds the namespace of the plan's host i. */
export function topologyOf(plan: LabPlan, pids: readonly number[]): LabTopology {
  const sharing = new Map<string, number>();
  for (const host of plan.hosts) sharing.set(host.interfaceName, (sharing.get(host.interfaceName) ?? 0) + 1);
  const bridges = [...sharing].filter(([, count]) => count > 1).map(([name]) => name);
  const isBridged = (host: LabHost) => bridges.includes(host.interfaceName);
  const linkOf = (host: LabHost, index: number) => (isBridged(host) ? `port${index}` : host.interfaceName);
  const firstLink = plan.hosts[0]?.interfaceName ?? "lo";

  const node = [
    "link set lo up",
    ...bridges.flatMap((name, index) => [
      `link add ${name} address ${macAddress(3, index)} type bridge forward_delay 0`,
      `link set ${name} up`,
    ]),
    ...plan.hosts.flatMap((host, index) => {
      const link = linkOf(host, index);
      const ends = `address ${macAddress(1, index)} type veth peer name ${hostInterface} address ${macAddress(2, index)}`;
      return [
        `link add ${link} ${ends} netns ${pids[index]}`,
        ...(isBridged(host) ? [`link set ${link} master ${host.interfaceName}`] : []),
        `link set ${link} up`,
      ];
    }),
    ...plan.nodeAddresses.filter((address) => !isLoopback(address)).map((address) => addressLine(address, firstLink)),
    ...plan.hosts.flatMap((host, index) => {
      const device = host.interfaceName;
      const hops = (["ipv4", "ipv6"] as const).map(
        (family) => `neigh add ${nextHop(family, index)} lladdr ${macAddress(2, index)} dev ${device} nud permanent`,
      );
      const targets = index === 0 ? [] : host.addresses;
      return [
        ...hops,
        ...targets.map(
          (address) => `route add ${withLength(address)} via ${nextHop(address.family, index)} dev ${device} onlink`,
        ),
      ];
    }),
    `route add default via ${nextHop("ipv4", 0)} dev ${firstLink} onlink`,
    `route add default via ${nextHop("ipv6", 0)} dev ${firstLink} onlink`,
  ];
  const hosts = plan.hosts.map((host, index) => {
    const bridge = bridges.indexOf(host.interfaceName);
    return hostScript(host, bridge === -1 ? macAddress(1, index) : macAddress(3, bridge));
  });
  const links = [...plan.hosts.map(linkOf), ...bridges];
  return {
    node: `${node.join("\n")}\n`,
    nodeCleanup: `${links.map((link) => `link del ${link}`).join("\n")}\n`,
    hosts: hosts.map((script) => `${script}\n`),
  };
}

function sysctl(name: string, value: string, optional = false): SysctlValue {
  return { name, value, optional };
}

/** Before any link exists: addresses work at once, and nothing is dropped for the way it came. */
export const hostSysctls: readonly SysctlValue[] = [
  ...["all", "default"].flatMap((scope) => [
    sysctl(`net/ipv4/conf/${scope}/rp_filter`, "0"),
    sysctl(`net/ipv6/conf/${scope}/disable_ipv6`, "0"),
    sysctl(`net/ipv6/conf/${scope}/accept_dad`, "0"),
    sysctl(`net/ipv6/conf/${scope}/accept_ra`, "0"),
  ]),
];

export const nodeSysctls: readonly SysctlValue[] = [
  ...hostSysctls,
  sysctl("net/ipv4/ip_forward", "1"),
  sysctl("net/ipv6/conf/all/forwarding", "1"),
  // The kernel sends six refusals to a client and then one a second; tests make more.
  sysctl("net/ipv4/icmp_ratelimit", "0"),
  sysctl("net/ipv4/icmp_msgs_per_sec", "100000", true),
  sysctl("net/ipv6/icmp/ratelimit", "0"),
  // Bridged frames are not routed packets; without this they would meet the rules twice.
  sysctl("net/bridge/bridge-nf-call-iptables", "0", true),
  sysctl("net/bridge/bridge-nf-call-ip6tables", "0", true),
];
