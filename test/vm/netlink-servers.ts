import type { ForwardingMethod, RealServer, VirtualServer } from "../../compiler/backends/ipvs/program.ts";
import type { IpvsRequest } from "../../compiler/backends/step.ts";
import { addressFromBits } from "../../compiler/net/address.ts";
import { schedulerFlags, schedulers } from "../../compiler/spec/words.ts";
import { address } from "../support/net.ts";

/** Virtual servers with everything that weir can say of them, for the test of netlink in the virtual machine. */

const masq: ForwardingMethod = { kind: "masq" };

function real(text: string, port: number, changes: Partial<RealServer> = {}): RealServer {
  return { address: address(text), port, method: masq, weight: 1, upperThreshold: 0, lowerThreshold: 0, ...changes };
}

function server(id: VirtualServer["id"], changes: Partial<VirtualServer> = {}): VirtualServer {
  return {
    id,
    key: null,
    scheduler: "wrr",
    schedulerFlags: [],
    persistence: null,
    onePacket: false,
    realServers: [],
    ...changes,
  };
}

function at(text: string, port: number, protocol: "tcp" | "udp" | "sctp" = "tcp"): VirtualServer["id"] {
  return { kind: "address", address: address(text), protocol, port };
}

function tunnel(type: "ipip" | "gue" | "gre", port: number | null = null): ForwardingMethod {
  return { kind: "tunnel", type, port };
}

const flagSets = [["fallback"], ["port"], [...schedulerFlags]] as const;

/** In the order in which the kernel's list is sorted. Real servers by address, then port. */
export const servers: readonly VirtualServer[] = [
  ...schedulers.map((scheduler, index) =>
    server(at("10.96.0.1", 1000 + index), { scheduler, realServers: [real("10.244.1.5", 8080)] }),
  ),
  ...(["sh", "mh"] as const).flatMap((scheduler, row) =>
    flagSets.map((flags, index) =>
      server(at("10.96.0.2", 2000 + row * 10 + index), { scheduler, schedulerFlags: flags }),
    ),
  ),
  server(at("10.96.0.3", 80), {
    realServers: [
      real("10.244.1.5", 80, { method: { kind: "route" } }),
      real("10.244.1.6", 8080, { weight: 0 }),
      real("10.244.1.7", 8080, { weight: 65_535, upperThreshold: 100, lowerThreshold: 40 }),
      real("10.244.1.8", 80, { method: tunnel("ipip") }),
      real("10.244.1.9", 80, { method: tunnel("gue", 6080) }),
      real("10.244.1.10", 80, { method: tunnel("gre") }),
      real("fd00:10:244:1::5", 80, { method: tunnel("ipip") }),
    ],
  }),
  server(at("10.96.0.4", 53, "udp"), {
    scheduler: "rr",
    onePacket: true,
    realServers: [real("10.244.1.5", 53, { method: { kind: "route" } })],
  }),
  server(at("10.96.0.4", 132, "sctp"), { realServers: [real("10.244.1.5", 132), real("10.244.1.5", 133)] }),
  server(at("10.96.0.5", 80), { persistence: { timeoutSeconds: 10_800, prefixLength: 32 } }),
  server(at("10.96.0.5", 81), { persistence: { timeoutSeconds: 1, prefixLength: 24 } }),
  server(at("10.96.0.5", 82), { scheduler: "sh", persistence: { timeoutSeconds: 300, prefixLength: 1 } }),
  server(at("255.255.255.254", 65_535)),
  server({ kind: "mark", family: "ipv4", mark: 1 }, { realServers: [real("10.244.1.5", 8080)] }),
  server({ kind: "mark", family: "ipv4", mark: 0xfedc_4000 }, { scheduler: "lc", onePacket: true }),
  ...schedulers.map((scheduler, index) =>
    server(at("fd00:10:96::1", 1000 + index), { scheduler, realServers: [real("fd00:10:244:1::5", 8080)] }),
  ),
  server(at("fd00:10:96::2", 53, "udp"), { onePacket: true }),
  server(at("fd00:10:96::2", 132, "sctp"), { realServers: [real("fd00:10:244:1::5", 132)] }),
  server(at("fd00:10:96::3", 80), {
    realServers: [
      real("10.244.1.5", 80, { method: tunnel("ipip") }),
      real("fd00:10:244:1::5", 80, { method: { kind: "route" } }),
      real("fd00:10:244:1::6", 80, { method: tunnel("gue", 6080), weight: 7 }),
      real("fd00:10:244:1::7", 8080, { upperThreshold: 9 }),
    ],
  }),
  server(at("fd00:10:96::4", 80), { persistence: { timeoutSeconds: 60, prefixLength: 64 } }),
  server(at("fd00:10:96::4", 81), { persistence: { timeoutSeconds: 2_678_400, prefixLength: 128 } }),
  server({ kind: "mark", family: "ipv6", mark: 1 }, { realServers: [real("fd00:10:244:1::5", 8080)] }),
];

export const timeouts = { tcp: 901, tcpFin: 121, udp: 301 } as const;

export function additionsOf(list: readonly VirtualServer[]): readonly IpvsRequest[] {
  return list.flatMap((each): readonly IpvsRequest[] => [
    { op: "new-service", server: each },
    ...each.realServers.map((one): IpvsRequest => ({ op: "new-dest", id: each.id, real: one })),
  ]);
}

export function deletionsOf(list: readonly VirtualServer[]): readonly IpvsRequest[] {
  return list.map(({ id }): IpvsRequest => ({ op: "delete-service", id }));
}

/** So many with 8 real servers each. */
export function manyServers(count: number): readonly VirtualServer[] {
  return Array.from({ length: count }, (_, index) =>
    server(
      {
        kind: "address",
        address: addressFromBits("ipv4", (10n << 24n) | (96n << 16n) | BigInt(index)),
        protocol: "tcp",
        port: 80,
      },
      {
        scheduler: "rr",
        realServers: Array.from({ length: 8 }, (_, which) => ({
          ...real("10.244.0.1", 8080),
          address: addressFromBits("ipv4", (10n << 24n) | (244n << 16n) | BigInt(index * 8 + which)),
        })),
      },
    ),
  );
}

/** As JSON can hold it: the bits of addresses as text. */
export function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? String(each) : each)));
}
