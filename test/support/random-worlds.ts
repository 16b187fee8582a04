import fc from "fast-check";
import { decide } from "../../compiler/index.ts";
import type { NodeIr } from "../../compiler/ir/ir.ts";
import {
  addressFromBits,
  addressWidth,
  type Family,
  families,
  type IpAddress,
  type Prefix,
} from "../../compiler/net/address.ts";
import type { Protocol } from "../../compiler/net/port.ts";
import type { Expectation, LabRow } from "../../runtime/lab/expectation.ts";
import { expectationOf } from "../../runtime/lab/world.ts";
import { address } from "./net.ts";

/**
 * Random specs for real kernels: small, and full of what meets badly. Services share prefixes and addresses, external
 * addresses are the node's own or inside service ranges, endpoints are nodes or VIPs, clients are endpoints.
 */

function some<T>(items: readonly T[], most = 2): fc.Arbitrary<readonly T[]> {
  return fc.uniqueArray(fc.constantFrom(...items), { maxLength: most });
}

const clusterLines = fc
  .tuple(
    fc.constantFrom<readonly string[]>(
      ["pods 10.244.0.0/16, fd00:10:244::/56"],
      ["pods 10.244.0.0/16"],
      ["pods 10.244.0.0/17, 10.244.128.0/17, fd00:10:244::/56"],
      ["local-traffic node-pods"],
      ["local-traffic bridge cni0"],
      ["local-traffic interface-prefix veth"],
      ["local-traffic none"],
    ),
    some(
      ["service-range 10.96.0.0/16", "service-range 10.96.0.0/25, fd00:10:96::/112", "service-range fd00:10:96::/47"],
      1,
    ),
    some(
      [
        "node-port-addresses 192.0.2.0/28",
        "node-port-addresses primary",
        "node-port-addresses 0.0.0.0/0, 2001:db8::11",
      ],
      1,
    ),
    some(["masquerade-all", "masquerade-bit 20", "drop-bit 31"], 1),
  )
  .map((groups) => groups.flat());

const nodeBlocks = fc
  .constantFrom("192.0.2.11, 2001:db8::11", "192.0.2.11, 192.0.2.111, 2001:db8::11, 2001:db8::111", "192.0.2.11")
  .map((own) => [
    `node worker-1 {\n  zone eu-a\n  address ${own}\n  pods 10.244.1.0/24, fd00:10:244:1::/64\n}`,
    "node worker-2 {\n  zone eu-b\n  address 192.0.2.12, 2001:db8::12\n  pods 10.244.2.0/24, fd00:10:244:2::/64\n}",
  ]);

const vips = ["10.96.0.10", "10.96.0.11", "10.96.0.127", "10.97.0.10", "fd00:10:96::10", "fd00:10:97::10"];
const externals = ["198.51.100.7", "192.0.2.11", "192.0.2.12", "10.96.0.77", "2001:db8::11", "2001:db8:100::7"];
const balancers = ["198.51.101.7", "192.0.2.111", "10.96.0.78", "2001:db8:101::7"];
const allowed = [
  "",
  " allow 203.0.113.0/24, 203.0.113.9",
  " allow 192.0.2.0/28, 10.244.1.0/24, 2001:db8::/64",
  " allow 0.0.0.0/0",
  " allow 0.0.0.0/1, 128.0.0.0/1",
  " allow 2001:db8:200::/48",
];
const hosts = [
  ...["10.244.1.5 on worker-1", "10.244.1.6 on worker-1", "10.244.2.7 on worker-2", "10.244.2.8 on worker-2"],
  ...["192.0.2.11 on worker-1", "192.0.2.12 on worker-2", "203.0.113.50", "10.96.0.11 on worker-2", "10.244.1.9"],
  ...["fd00:10:244:1::5 on worker-1", "fd00:10:244:2::7 on worker-2", "2001:db8::11 on worker-1", "2001:db8:500::1"],
];

const settings = fc
  .tuple(
    fc.boolean().map((is) => (is ? ["external-policy local"] : [])),
    some(["internal-policy local"], 1),
    some(["affinity client-ip 30s", "affinity client-ip 1h netmask 30/127"], 1).map((given) => given.slice(0, 1)),
    some(["traffic prefer-zone", "traffic prefer-node"], 1),
  )
  .map((groups) => groups.flat());

interface Service {
  readonly vips: readonly string[];
  readonly externals: readonly string[];
  readonly balancers: readonly string[];
  readonly allow: string;
  readonly settings: readonly string[];
  readonly ports: readonly { protocol: string; port: number; target: string; nodePort: boolean }[];
  readonly endpoints: readonly string[];
}

const state = fc.oneof(
  { weight: 5, arbitrary: fc.constant("") },
  { weight: 4, arbitrary: fc.constantFrom("weight 0", "weight 2", "weight 3", "weight 1021") },
  { weight: 3, arbitrary: fc.constantFrom("draining", "not-ready", "terminating", "not-ready serving terminating") },
);

const service: fc.Arbitrary<Service> = fc.record({
  vips: some(vips),
  externals: some(externals),
  balancers: some(balancers),
  allow: fc.constantFrom(...allowed),
  settings,
  ports: fc.uniqueArray(
    fc.record({
      protocol: fc.constantFrom("tcp", "udp"),
      port: fc.constantFrom(53, 80, 443, 30080, 65535),
      target: fc.constantFrom("", " -> 8080", " -> 53"),
      nodePort: fc.boolean(),
    }),
    { minLength: 1, maxLength: 3, selector: ({ protocol, port }) => `${protocol} ${port}` },
  ),
  endpoints: fc
    .uniqueArray(fc.tuple(fc.constantFrom(...hosts), state), { maxLength: 6, selector: ([host]) => host })
    .map((choices) => choices.map(([host, more]) => `${host} ${more}`.trimEnd())),
});

function isIpv6(text: string): boolean {
  return text.includes(":");
}

/** Leaves out what another service has already: addresses and ports may not be served twice. */
function blockOf(one: Service, at: number, taken: Set<string>): string {
  const free = (addresses: readonly string[]) =>
    addresses.filter((item) => one.ports.every(({ protocol, port }) => !taken.has(`${item} ${protocol} ${port}`)));
  const own = { vips: free(one.vips), externals: free(one.externals), balancers: free(one.balancers) };
  const all = [...own.vips, ...own.externals, ...own.balancers];
  if (all.length === 0) own.vips.push(`10.96.1.${at}`);
  for (const item of all) for (const { protocol, port } of one.ports) taken.add(`${item} ${protocol} ${port}`);
  const served = [...own.vips, ...own.externals, ...own.balancers].map(isIpv6);
  const lines = [
    "allow warning spec/allow-other-family, spec/external-policy-unused, spec/external-is-node-address",
    ...own.vips.map((item) => `vip ${item}`),
    ...own.externals.map((item) => `external ${item}`),
    ...own.balancers.map((item) => `load-balancer ${item}${one.allow}`),
    ...one.settings,
    ...one.ports.map(({ protocol, port, target, nodePort }, index) => {
      const number = nodePort ? ` node-port ${30080 + at * 3 + index}` : "";
      return `port p${index} ${protocol} ${port}${target}${number}`;
    }),
    ...one.endpoints.filter((endpoint) => served.includes(isIpv6(endpoint))).map((endpoint) => `endpoint ${endpoint}`),
  ];
  return `service shop/s${at} {\n${lines.map((line) => `  ${line}\n`).join("")}}`;
}

function times(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => `  ${line(index)}\n`).join("");
}

/** More addresses and endpoints than a flat list of rules holds. */
const large = `service shop/large {
${times(9, (index) => `vip 10.96.${index % 2}.${index * 28 + 2}`)}  port p0 tcp 80
  port p1 udp 53
  port p2 tcp 81 node-port 31000
${times(18, (index) => `endpoint 10.244.2.${index + 20} on worker-2`)}}`;

export const worldText: fc.Arbitrary<string> = fc
  .tuple(clusterLines, nodeBlocks, fc.array(service, { minLength: 1, maxLength: 4 }), some([large], 1))
  .map(([cluster, nodes, services, more]) => {
    const taken = new Set<string>();
    const blocks = services.map((one, at) => blockOf(one, at, taken));
    return [`cluster {\n${cluster.map((line) => `  ${line}\n`).join("")}}`, ...nodes, ...blocks, ...more].join("\n\n");
  });

const clients: Readonly<Record<Family, readonly string[]>> = {
  ipv4: [
    "203.0.113.9",
    "198.18.0.9",
    "10.244.1.77",
    "10.244.2.77",
    "10.244.1.5",
    "10.244.2.7",
    "192.0.2.12",
    "203.0.113.50",
  ],
  ipv6: [
    "2001:db8:200::9",
    "2001:db8:201::9",
    "fd00:10:244:1::77",
    "fd00:10:244:2::77",
    "fd00:10:244:1::5",
    "2001:db8::12",
  ],
};

/** The interface that a client comes in by, where the detector asks for it. */
function interfaceOf(ir: NodeIr, source: IpAddress): string | null {
  const detector = ir.detector[source.family];
  if (ir.node.addresses.some((own) => own.text === source.text)) return null;
  const isPod = source.text.startsWith("10.244.1.") || source.text.startsWith("fd00:10:244:1:");
  if (detector.kind === "interface" && isPod) return detector.name;
  if (detector.kind === "interface-prefix" && isPod)
    return `${detector.prefix}${source.text.endsWith("77") ? "a" : "b"}`;
  return null;
}

function next(of: IpAddress): IpAddress {
  const width = BigInt(addressWidth(of.family));
  return addressFromBits(of.family, (of.bits + 1n) & ((1n << width) - 1n));
}

interface Target {
  readonly at: IpAddress;
  readonly port: number;
  readonly protocol: Protocol;
}

/** Every frontend with its neighbours, the ends of service ranges, and endpoints as their clients see them without a service. */
function targetsOf(ir: NodeIr, family: Family, own: readonly IpAddress[]): readonly Target[] {
  const frontends = ir.frontends[family].flatMap(({ address: at, port, protocol }) =>
    (at === null ? own : [at]).map((place) => ({ at: place, port, protocol })),
  );
  const neighbours = frontends.flatMap(({ at, port, protocol }): readonly Target[] => [
    { at, port, protocol },
    { at, port: port === 65535 ? 65534 : port + 1, protocol },
    { at, port, protocol: protocol === "tcp" ? "udp" : "tcp" },
    { at: next(at), port, protocol },
  ]);
  const ends = ir.serviceRanges[family].flatMap((range) => [next(range.address), lastOf(range), next(lastOf(range))]);
  const endpoints = ir.frontends[family].flatMap(({ routes, protocol }) =>
    routes.flatMap(({ pool }) => pool.endpoints.map(({ address: at, port }) => ({ at, port, protocol }))),
  );
  return [...neighbours, ...ends.map((at) => ({ at, port: 80, protocol: "tcp" as const })), ...endpoints];
}

function lastOf(range: Prefix): IpAddress {
  const { family, bits } = range.address;
  return addressFromBits(family, bits | ((1n << BigInt(addressWidth(family) - range.length)) - 1n));
}

/** An endpoint of another node whose packet comes here all the same is not kept from answering itself. */
function isOwnBusiness(source: IpAddress, expect: Expectation): boolean {
  const choices = expect.verdict === "endpoints" ? expect.endpoints : [];
  return choices.some((choice) => choice.address.text === source.text && !choice.masquerade);
}

/** All targets from every kind of client, with what the reference meaning says; at most `most`. */
export function rowsOf(ir: NodeIr, most: number): readonly LabRow[] {
  const rows = new Map<string, LabRow>();
  for (const family of families) {
    const own = ir.node.addresses.filter((item) => item.family === family);
    const sources = [...clients[family].map((text) => address(text)), ...own];
    const known = new Set(sources.map((source) => source.text));
    for (const { at, port, protocol } of targetsOf(ir, family, own)) {
      const isOwn = own.some((item) => item.text === at.text);
      // what a client sends to another in its own namespace never meets the node
      if (known.has(at.text) && !isOwn) continue;
      for (const source of sources) {
        const packet = { protocol, source, destination: at, port, inputInterface: interfaceOf(ir, source) };
        const label = `${protocol} ${source.text} -> ${at.text} ${port}`;
        const expect = expectationOf(decide(ir, packet));
        if (!isOwnBusiness(source, expect)) rows.set(label, { label, packet, expect });
      }
    }
  }
  return spread([...rows.values()], most);
}

/** `most` of the items, evenly. */
function spread<T>(items: readonly T[], most: number): readonly T[] {
  return items.filter(
    (_, at) =>
      items.length <= most || Math.floor((at * most) / items.length) !== Math.floor(((at - 1) * most) / items.length),
  );
}
