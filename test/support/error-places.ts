import type { DiagnosticCode } from "../../compiler/diagnostics/codes.ts";

/**
 * Codes that no input gives rise to: interface names that both front ends refuse first, which leaves those who make a
 * spec by program; and a limit that none of the backends has, though a new one might.
 */
export const unwritable = [
  "lower/interface-name",
  "lower/affinity-netmask-approximated",
] as const satisfies readonly DiagnosticCode[];

type Unwritable = (typeof unwritable)[number];

/**
 * For every code, the text that its example in fixtures/errors has underlined; null where a finding has no place.
 * Written by hand, so that a place that moves is noticed even when the stored renderings are rewritten.
 */
export const underlined: Readonly<Record<Exclude<DiagnosticCode, Unwritable>, string | null>> = {
  "input/binary": "\0",
  "input/not-utf8": "\ufffd",
  "input/link-outside": null,
  "input/include-unmatched": 'include "regions/*.weir"',
  "input/include-outside": 'include "../spec-no-port/shop.weir"',
  "input/include-cycle": 'include "east.weir"',
  "input/include-too-deep": 'include "18.weir"',

  "syntax/unexpected": "->",
  "syntax/unknown-statement": "endpiont",
  "syntax/bad-character": ";",
  "syntax/hidden-character": "\u202e",
  "syntax/unclosed-string": '"regions/*.weir',
  "syntax/word-too-long": "x".repeat(1100),
  "syntax/line-too-long": ",",
  "syntax/unclosed-block": "service shop/web",
  "syntax/unopened-block": "}",
  "syntax/nested-block": "port http",
  "syntax/too-many-errors": "vip",
  "syntax/address": "10.96.0.300",
  "syntax/prefix": "10.244.1.0/16",
  "syntax/address-and-port": "fd00:10:96::10:80",
  "syntax/port": "0",
  "syntax/port-range": "32767-30000",
  "syntax/number": "65536",
  "syntax/duration": "3hours",
  "syntax/name": '"http\' -j ACCEPT #"',
  "syntax/unknown-value": "fastest",
  "syntax/unknown-list": "ofices",
  "syntax/unused-list": "offices",
  "syntax/cyclic-list": "east",
  "syntax/list-limit": "list-65",
  "syntax/repeated": "scheduler lc",
  "syntax/contradiction": "not-ready",

  "kubernetes/invalid-yaml": "s",
  "kubernetes/invalid-json": ",",
  "kubernetes/limit": "*a",
  "kubernetes/not-an-object": "services:",
  "kubernetes/missing-field": "{name: http, protocol: TCP}",
  "kubernetes/invalid-field": "70000",
  "kubernetes/invalid-name": "'web\" accept comment \"'",
  "kubernetes/invalid-address": "10.96.0.300",
  "kubernetes/invalid-annotation": "fastest",
  "kubernetes/unknown-annotation": "wlc",
  "kubernetes/invalid-setting": "[primary, 192.0.2.0/24]",
  "kubernetes/unknown-field": "wlc",
  "kubernetes/kind-skipped": "Endpoints",
  "kubernetes/version-skipped": "discovery.k8s.io/v1beta1",
  "kubernetes/no-cluster-ip": "type: ClusterIP",
  "kubernetes/other-family": '"2001:db8:100::80"',
  "kubernetes/slice-without-service": "web-1",
  "kubernetes/cannot-carry": "expect: tcp 10.244.1.5 -> 10.96.0.10:80 rejected",

  "spec/duplicate-service": "service shop/web",
  "spec/duplicate-node": "node worker-1",
  "spec/duplicate-setting": "node-port-range 30000-31999",
  "spec/vip-port-taken": "port dns udp 53",
  "spec/node-port-taken": "port http tcp 80 node-port 30080",
  "spec/node-port-outside-range": "port http tcp 80 node-port 8080",
  "spec/family-without-vip": "endpoint fd00:10:244:1::5",
  "spec/duplicate-endpoint": "endpoint 10.244.1.5 weight 2",
  "spec/duplicate-port": "port http tcp 8080",
  "spec/duplicate-address": "198.51.100.80",
  "spec/unknown-service": "expect: tcp 10.244.1.5 -> 10.96.0.10:80 reaches shop/wob",
  "spec/unknown-port": "expect: tcp 10.244.1.5 -> 10.96.0.10:80 reaches shop/web:https",
  "spec/unknown-node": "expect on worker-2: tcp 10.244.1.5 -> 10.96.0.10:80 rejected",
  "spec/guard-violation": "198.51.100.7",
  "spec/vip-is-node-address": "192.0.2.11",
  "spec/external-is-node-address": "192.0.2.11",
  "spec/address-not-unicast": "127.0.0.10",
  "spec/no-port": "service shop/web",
  "spec/no-address": "service shop/web",
  "spec/mark-conflict": "masquerade-bit 15",
  "spec/external-policy-unused": "external-policy local",
  "spec/health-check-port-unused": "health-check-port 32000",
  "spec/node-port-loopback": "node-port-addresses 192.0.2.0/24, 127.0.0.0/8",
  "spec/rr-ignores-weights": "scheduler rr",
  "spec/primary-without-address": "node-port-addresses primary",
  "spec/undescribed-node": null,
  "spec/orphan-endpoints": "web-1",

  "lower/scheduler-approximated": "scheduler lc",
  "lower/one-packet-approximated": "one-packet",
  "lower/thresholds-ignored": "endpoint 10.244.1.5 max-connections 100",
  "lower/forwarding-unsupported": "forward tunnel ipip",
  "lower/protocol-unsupported": "port diameter sctp 3868",
  "lower/forwarding-changes-port": "forward direct",
  "lower/proxy-ports-exhausted": "port https tcp 443",
  "lower/affinity-by-hash": "affinity client-ip 10m",
};

/** Null also for a code without an example. */
export function underlinedFor(code: DiagnosticCode): string | null {
  return Object.entries(underlined).find(([known]) => known === code)?.[1] ?? null;
}
