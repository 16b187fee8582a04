import type {
  FrontendKind,
  IrDetector,
  IrEndpoint,
  IrFrontend,
  IrNodePortAddresses,
  IrPool,
  IrRoute,
  IrService,
  NodeIr,
} from "../../compiler/ir/ir.ts";
import {
  compareAddresses,
  type Family,
  type IpAddress,
  type Prefix,
  withoutCovered,
} from "../../compiler/net/address.ts";
import { greatestCommonDivisor } from "../../compiler/net/fraction.ts";
import { compareNumbers, compareText, firstDifference } from "../../compiler/net/order.ts";
import { compareProtocols, type Protocol } from "../../compiler/net/port.ts";
import type { Location } from "../../compiler/source.ts";
import { address, prefix } from "./net.ts";

/** Hand-made IR for tests of lowerings: short to write, and within the invariants of compiler/ir/ir.ts. */

const somewhere: Location = { file: { path: "test.weir", text: "service\n" }, start: 0, end: 7 };

/** Endpoints as text: `10.244.1.5:8080`, `[fd00::5]:53`, followed by any of ` x3` (weight), ` local`, ` hairpin`, ` drained`. */
export function endpoint(text: string): IrEndpoint {
  const [socket = "", ...words] = text.split(" ");
  const at = socket.lastIndexOf(":");
  const weight = words.map((word) => /^x(\d+)$/.exec(word)?.[1]).find((number) => number !== undefined);
  return {
    address: address(socket.slice(0, at).replace(/[[\]]/g, "")),
    port: Number(socket.slice(at + 1)),
    weight: words.includes("drained") ? 0 : Number(weight ?? 1),
    local: words.includes("local"),
    mayHairpin: words.includes("local") || words.includes("hairpin"),
    upperThreshold: 0,
    lowerThreshold: 0,
    origin: somewhere,
  };
}

export function pool(scope: "cluster" | "local", texts: readonly string[]): IrPool {
  const all = texts
    .map(endpoint)
    .sort((a, b) => firstDifference(compareAddresses(a.address, b.address), compareNumbers(a.port, b.port)));
  const used = all.filter((one) => one.weight > 0);
  const divisor = greatestCommonDivisor(used.map((one) => one.weight));
  const endpoints = used.map((one) => ({ ...one, weight: one.weight / divisor }));
  return {
    scope,
    endpoints,
    drained: all.filter((one) => one.weight === 0),
    totalWeight: endpoints.reduce((sum, one) => sum + one.weight, 0),
  };
}

/** One route for every source. */
export function anyRoute(texts: readonly string[], masquerade = false): readonly IrRoute[] {
  return [{ sources: "any", pool: pool("cluster", texts), masquerade, whenEmpty: "reject" }];
}

/** A cluster VIP with a detector: pods keep their source address. */
export function clusterRoutes(texts: readonly string[]): readonly IrRoute[] {
  const shared = pool("cluster", texts);
  return [
    { sources: "pod", pool: shared, masquerade: false, whenEmpty: "reject" },
    { sources: "any", pool: shared, masquerade: true, whenEmpty: "reject" },
  ];
}

/** External policy local: pods and the node reach every endpoint, everyone else those on this node. */
export function localRoutes(texts: readonly string[], detector = true): readonly IrRoute[] {
  const cluster = pool("cluster", texts);
  const local = pool(
    "local",
    texts.filter((text) => text.includes(" local")),
  );
  const whenEmpty = cluster.endpoints.length > 0 ? "drop" : "reject";
  const routes: readonly IrRoute[] = [
    { sources: "pod", pool: cluster, masquerade: false, whenEmpty: "reject" },
    { sources: "node", pool: cluster, masquerade: true, whenEmpty: "reject" },
    { sources: "any", pool: local, masquerade: false, whenEmpty },
  ];
  return detector ? routes : routes.slice(1);
}

export interface FrontendOptions {
  /** `shop/web:http`. */
  readonly key?: string;
  readonly kind?: FrontendKind;
  readonly protocol?: Protocol;
  readonly routes: readonly IrRoute[];
  readonly sourceRanges?: readonly string[];
  readonly affinitySeconds?: number;
  readonly affinityNetmask?: { readonly ipv4: number; readonly ipv6: number };
  readonly scheduler?: IrFrontend["scheduler"];
  readonly forwarding?: IrFrontend["forwarding"];
  readonly onePacket?: boolean;
}

/** `where` is `10.96.0.10:80`, `[fd00::a]:80`, or for node ports a number with the family in `nodePort` of the options. */
export function frontend(where: string, options: FrontendOptions): IrFrontend {
  const at = where.lastIndexOf(":");
  const vip = address(where.slice(0, at).replace(/[[\]]/g, ""));
  const kind = options.kind ?? "cluster";
  if (kind === "node-port") throw new Error("use nodePortFrontend");
  return { ...common(vip.family, Number(where.slice(at + 1)), options), kind, address: vip };
}

export function nodePortFrontend(family: Family, port: number, options: FrontendOptions): IrFrontend {
  return { ...common(family, port, options), kind: "node-port", address: null };
}

function common(family: Family, port: number, options: FrontendOptions) {
  return {
    key: options.key ?? "shop/web:http",
    family,
    protocol: options.protocol ?? ("tcp" as const),
    port,
    routes: options.routes,
    sourceRanges: options.sourceRanges === undefined ? null : withoutCovered(options.sourceRanges.map(prefix)),
    affinity:
      options.affinitySeconds === undefined
        ? null
        : { timeoutSeconds: options.affinitySeconds, netmask: options.affinityNetmask ?? null },
    scheduler: options.scheduler ?? null,
    schedulerFlags: [],
    onePacket: options.onePacket ?? false,
    forwarding: options.forwarding ?? ({ method: "nat" } as const),
    origin: somewhere,
  };
}

export interface IrOptions {
  readonly frontends: readonly IrFrontend[];
  readonly addresses?: readonly string[];
  /** Pod ranges of both families; the detector is `none` for a family without one. */
  readonly pods?: readonly string[];
  /** Instead of `pods`, for both families. */
  readonly detector?: IrDetector;
  readonly serviceRanges?: readonly string[];
  readonly nodePortAddresses?: readonly string[];
  readonly allowedWarnings?: readonly string[];
}

export function testIr(options: IrOptions): NodeIr {
  const frontends = [...options.frontends].sort(compareFrontends);
  const byName = new Map<string, IrFrontend[]>();
  for (const one of frontends) {
    const name = nameOf(one.key);
    byName.set(name, [...(byName.get(name) ?? []), one]);
  }
  const vips = frontends.flatMap((one) => (one.kind === "cluster" ? [one.address] : []));
  return {
    node: { name: "worker-1", zone: null, addresses: (options.addresses ?? []).map(address) },
    detector: {
      ipv4: options.detector ?? detectorOf(options.pods ?? [], "ipv4"),
      ipv6: options.detector ?? detectorOf(options.pods ?? [], "ipv6"),
    },
    serviceRanges: perFamily((family) => prefixesOf(options.serviceRanges ?? [], family)),
    vips: perFamily((family) => distinctAddresses(vips.filter((vip) => vip.family === family))),
    nodePortAddresses: perFamily((family) => nodePortAddressesOf(options.nodePortAddresses ?? [], family)),
    frontends: perFamily((family) => frontends.filter((one) => one.family === family)),
    services: [...byName].sort(([a], [b]) => compareText(a, b)).map(([name, own]) => serviceOf(name, own)),
    marks: { masquerade: 0x4000, drop: 0x8000, reject: 0x1000 },
    ipvs: {
      strictArp: false,
      tcpTimeoutSeconds: 0,
      tcpFinTimeoutSeconds: 0,
      udpTimeoutSeconds: 0,
      excludedRanges: [],
      defaultScheduler: "wrr",
    },
    proxyPorts: [{ first: 40000, last: 49151 }],
    allowedWarnings: options.allowedWarnings ?? [],
  };
}

function nameOf(key: string): string {
  return key.split(":")[0] ?? key;
}

function serviceOf(name: string, frontends: readonly IrFrontend[]): IrService {
  const vips = frontends.flatMap((one) => (one.kind === "cluster" ? [one.address] : []));
  return {
    name,
    frontends,
    vips: distinctAddresses(vips),
    healthCheckPort: null,
    allowedWarnings: [],
    settingOrigins: {},
    origin: somewhere,
  };
}

function compareFrontends(a: IrFrontend, b: IrFrontend): number {
  const byAddress =
    a.address === null || b.address === null
      ? compareNumbers(a.address === null ? 1 : 0, b.address === null ? 1 : 0)
      : compareAddresses(a.address, b.address);
  return firstDifference(byAddress, compareProtocols(a.protocol, b.protocol), compareNumbers(a.port, b.port));
}

function distinctAddresses(addresses: readonly IpAddress[]): readonly IpAddress[] {
  return [...new Map(addresses.map((one) => [one.text, one])).values()].sort(compareAddresses);
}

function perFamily<T>(of: (family: Family) => T): { readonly ipv4: T; readonly ipv6: T } {
  return { ipv4: of("ipv4"), ipv6: of("ipv6") };
}

function prefixesOf(texts: readonly string[], family: Family): readonly Prefix[] {
  return withoutCovered(texts.map(prefix).filter((one) => one.address.family === family));
}

function detectorOf(pods: readonly string[], family: Family): IrDetector {
  const prefixes = prefixesOf(pods, family);
  return prefixes.length === 0 ? { kind: "none" } : { kind: "prefixes", prefixes };
}

function nodePortAddressesOf(texts: readonly string[], family: Family): IrNodePortAddresses {
  const prefixes = prefixesOf(texts, family);
  return prefixes.length === 0 ? { kind: "any" } : { kind: "prefixes", prefixes };
}
