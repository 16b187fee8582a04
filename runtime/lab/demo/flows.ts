import { decide, type IrFrontend, type NodeIr, type Packet } from "../../../compiler/index.ts";
import {
  addressFromBits,
  addressWidth,
  type Family,
  families,
  type IpAddress,
  type Prefix,
} from "../../../compiler/net/address.ts";
import { isLabProtocol } from "../plan.ts";

/** Connections of one client to one frontend. */
export interface DemoFlow {
  readonly key: string;
  readonly client: string;
  readonly packet: Packet;
}

const outside: Readonly<Record<Family, IpAddress>> = {
  // TEST-NET-3 and the documentation prefix: nobody's addresses.
  ipv4: addressFromBits("ipv4", 0xcb007109n),
  ipv6: addressFromBits("ipv6", 0x20010db8_ffff_0000_0000_0000_0000_0009n),
};

function usedAddresses(ir: NodeIr): ReadonlySet<string> {
  const pools = families.flatMap((family) =>
    ir.frontends[family].flatMap(({ routes }) => routes.map(({ pool }) => pool)),
  );
  return new Set(
    pools.flatMap((pool) => [...pool.endpoints, ...pool.drained].map((endpoint) => endpoint.address.text)),
  );
}

/** The highest address of a range that no endpoint has; the last one itself is left out, IPv4 uses it to broadcast. */
export function freeAddress(range: Prefix, used: ReadonlySet<string>): IpAddress | null {
  const { family } = range.address;
  const last = range.address.bits | ((1n << BigInt(addressWidth(family) - range.length)) - 1n);
  for (let bits = last - 1n; bits > range.address.bits; bits--) {
    const address = addressFromBits(family, bits);
    if (!used.has(address.text)) return address;
  }
  return null;
}

/** Who uses such a frontend: cluster VIPs pods of this node, or the node where it has none; other addresses people outside. */
function clientOf(ir: NodeIr, podRanges: readonly Prefix[], { kind, family }: IrFrontend) {
  const stranger = { client: "an outside client", address: outside[family] };
  if (kind !== "cluster") return stranger;
  const used = usedAddresses(ir);
  const ranges = podRanges.filter((range) => range.address.family === family);
  const pod = ranges.map((range) => freeAddress(range, used)).find((address) => address !== null);
  if (pod) return { client: "a pod of this node", address: pod };
  const own = ir.node.addresses.find((address) => address.family === family);
  return own === undefined ? stranger : { client: "the node itself", address: own };
}

function choices(ir: NodeIr, packet: Packet): number {
  const outcome = decide(ir, packet);
  return outcome.verdict === "endpoints" ? outcome.choices.length : 0;
}

interface Candidate {
  readonly flow: DemoFlow;
  readonly choices: number;
}

function candidates(ir: NodeIr, podRanges: readonly Prefix[]): readonly Candidate[] {
  const seen = new Set<string>();
  const found: Candidate[] = [];
  const frontends: readonly IrFrontend[] = families.flatMap((family) => ir.frontends[family]);
  for (const frontend of frontends) {
    const { address: destination, affinity, key, kind, protocol, port } = frontend;
    const once = `${key} ${kind} ${frontend.family}`;
    if (destination === null || affinity !== null || !isLabProtocol(protocol) || seen.has(once)) continue;
    seen.add(once);
    const { client, address } = clientOf(ir, podRanges, frontend);
    const packet: Packet = { protocol, source: address, destination, port, inputInterface: null };
    const count = choices(ir, packet);
    if (count > 0) found.push({ flow: { key, client, packet }, choices: count });
  }
  return found.sort((a, b) => b.choices - a.choices);
}

/**
 * What to show: the frontends with the most to choose from, each service port once for each kind of frontend and family;
 * UDP and IPv6 among them where there are any.
 */
export function demoFlows(ir: NodeIr, podRanges: readonly Prefix[], most: number): readonly DemoFlow[] {
  const all = candidates(ir, podRanges).map(({ flow }) => flow);
  const udp = all.find(({ packet }) => packet.protocol === "udp");
  const ipv6 = all.find(({ packet }) => packet.source.family === "ipv6");
  const first = all.slice(0, 1);
  const chosen = new Set([...first, udp, ipv6, ...all].filter((flow) => flow !== undefined));
  const kept = new Set([...chosen].slice(0, most));
  return all.filter((flow) => kept.has(flow));
}

/** A VIP's port that nobody serves, and an address of a service range that nobody has: refused and dropped. */
export function refusedFlows(ir: NodeIr, client: IpAddress): readonly DemoFlow[] {
  const { family } = client;
  const port = 9;
  const to = (key: string, destination: IpAddress): DemoFlow => ({
    key,
    client: "",
    packet: { protocol: "tcp", source: client, destination, port, inputInterface: null },
  });
  const own = new Set(ir.frontends[family].flatMap(({ address }) => (address === null ? [] : [address.text])));
  const free = ir.serviceRanges[family].map((range) => freeAddress(range, own)).find((address) => address !== null);
  return [
    ...ir.vips[family].slice(0, 1).map((vip) => to("a port of a VIP that nobody serves", vip)),
    ...(free === undefined ? [] : [to("an address of the service range that nobody has", free)]),
  ].filter(({ packet }) => decide(ir, packet).verdict !== "endpoints");
}
