import { describe, expect, it } from "vitest";
import type { Location } from "../../../compiler/source.ts";
import { mergeFragments } from "../../../compiler/spec/merge.ts";
import { type ServiceSpec, specSchema } from "../../../compiler/spec/schema.ts";
import { findingsIn, fragmentOf } from "../../support/language.ts";

function marked(location: Location | undefined): string {
  return location === undefined ? "" : location.file.text.slice(location.start, location.end);
}

function service(...lines: readonly string[]): ServiceSpec {
  const fragment = fragmentOf(`service shop/web {\n${lines.map((line) => `  ${line}\n`).join("")}}\n`);
  specSchema.parse(mergeFragments([fragment]).spec);
  const [first] = fragment.services;
  if (first === undefined) throw new Error("no service");
  return first;
}

function findings(...lines: readonly string[]): readonly string[] {
  return findingsIn(`service shop/web {\n${lines.map((line) => `  ${line}\n`).join("")}}\n`);
}

const at = (text: string) => expect.objectContaining({ text });
const nothing = service();

describe("a service without lines", () => {
  it("has the defaults that the reference tells", () => {
    expect(nothing).toMatchObject({
      name: "shop/web",
      scheduler: null,
      affinity: null,
      internalPolicy: "cluster",
      externalPolicy: "cluster",
      traffic: null,
      forwarding: { method: "nat" },
      onePacket: false,
      healthCheckPort: null,
    });
    expect(marked(nothing.origin)).toBe("service shop/web");
  });
});

describe("settings of a service", () => {
  it.each<[string, Partial<Record<keyof ServiceSpec, unknown>>]>([
    ["scheduler wlc", { scheduler: "wlc", schedulerFlags: [] }],
    ["scheduler mh port fallback", { scheduler: "mh", schedulerFlags: ["port", "fallback"] }],
    ["one-packet", { onePacket: true }],
    ["affinity client-ip", { affinity: { timeoutSeconds: 10800, netmask: null } }],
    ["affinity client-ip 5m", { affinity: { timeoutSeconds: 300, netmask: null } }],
    ["affinity client-ip 24h netmask 24", { affinity: { timeoutSeconds: 86400, netmask: { ipv4: 24, ipv6: 128 } } }],
    ["affinity client-ip netmask 24/64", { affinity: { timeoutSeconds: 10800, netmask: { ipv4: 24, ipv6: 64 } } }],
    ["internal-policy local", { internalPolicy: "local" }],
    ["external-policy local", { externalPolicy: "local" }],
    ["traffic prefer-zone", { traffic: "prefer-zone" }],
    ["traffic prefer-node", { traffic: "prefer-node" }],
    ["forward direct", { forwarding: { method: "direct" } }],
    ["forward tunnel", { forwarding: { method: "tunnel", type: "ipip", port: null } }],
    ["forward tunnel gre", { forwarding: { method: "tunnel", type: "gre", port: null } }],
    ["forward tunnel gue 6080", { forwarding: { method: "tunnel", type: "gue", port: 6080 } }],
    ["health-check-port 32000", { healthCheckPort: 32000 }],
    [
      "allow warning spec/no-address, spec/rr-ignores-weights",
      { allowedWarnings: ["spec/no-address", "spec/rr-ignores-weights"] },
    ],
  ])("%s", (line, expected) => {
    const read = service(line);
    expect(read).toMatchObject(expected);
    const word = line.split(" ")[0] ?? "";
    if (word !== "allow") expect(marked(read.settingOrigins[word])).toBe(line);
  });

  it("are given once", () => {
    for (const line of ["scheduler rr", "affinity client-ip", "forward nat", "internal-policy local", "one-packet"]) {
      expect(findings(line, line)).toEqual([`3:3 syntax/repeated [${line}] \`${line.split(" ")[0]}\` is given twice`]);
    }
  });

  it.each([
    ["scheduler rr port", "2:16 syntax/contradiction [port] scheduler rr has no flag `port`"],
    ["scheduler sh port port", "2:21 syntax/repeated [port] `port` is given twice"],
    ["affinity client-ip 25h", "2:22 syntax/duration [25h] 25h is 90000 seconds, which is not between 1 and 86400"],
    ["affinity client-ip netmask 33", "2:30 syntax/number [33] IPv4 netmask 33 is not between 1 and 32"],
    ["affinity client-ip netmask /64", "2:30 syntax/unknown-value [/64] /64 is no netmask"],
    ["health-check-port 0", "2:21 syntax/port [0] 0 is not a port; ports are numbers from 1 to 65535"],
    ["forward gue", "2:11 syntax/unexpected [gue] unexpected `gue`, expected `tunnel`, `nat` or `direct`"],
  ])("refuse %s", (line, finding) => {
    expect(findings(line)).toEqual([finding]);
  });
});

describe("addresses and ports", () => {
  it("add up over lines", () => {
    const read = service("vip 10.0.0.1, fd00::1", "vip 10.0.0.2", "external 192.0.2.1");
    expect(read.vips.map((vip) => [vip.address.text, marked(vip.origin)])).toEqual([
      ["10.0.0.1", "10.0.0.1"],
      ["fd00::1", "fd00::1"],
      ["10.0.0.2", "10.0.0.2"],
    ]);
    expect(read.externals).toMatchObject([{ address: at("192.0.2.1") }]);
  });

  it("load balancers with and without allowed sources", () => {
    expect(
      service("load-balancer 198.51.100.7, 2001:db8::7 allow 10.0.0.0/8", "load-balancer 198.51.100.8").loadBalancers,
    ).toMatchObject([
      { address: at("198.51.100.7"), allow: [at("10.0.0.0/8")] },
      { address: at("2001:db8::7"), allow: [at("10.0.0.0/8")] },
      { address: at("198.51.100.8"), allow: null },
    ]);
  });

  it.each([
    ["port tcp 80", { name: "", protocol: "tcp", port: 80, targetPort: 80, nodePort: null }],
    ["port dns udp 53 -> 5353", { name: "dns", protocol: "udp", port: 53, targetPort: 5353, nodePort: null }],
    ["port x sctp 1 -> 2 node-port 30001", { name: "x", protocol: "sctp", port: 1, targetPort: 2, nodePort: 30001 }],
    ["port tcp tcp 80 node-port 30080", { name: "tcp", protocol: "tcp", port: 80, targetPort: 80, nodePort: 30080 }],
    ['port "weight" tcp 80', { name: "weight", protocol: "tcp", port: 80, targetPort: 80, nodePort: null }],
  ])("%s", (line, expected) => {
    const [port] = service(line).ports;
    expect(port).toMatchObject(expected);
    expect(marked(port?.origin)).toBe(line);
  });
});

describe("endpoints", () => {
  const ready = { ready: true, serving: true, terminating: false };
  it.each([
    ["", { node: null, weight: 1, hints: null, ports: null, upperThreshold: 0, lowerThreshold: 0, ...ready }],
    [" on worker-1 weight 0", { node: "worker-1", weight: 0, ...ready }],
    [" weight 65535 on 42", { node: "42", weight: 65535 }],
    [' on "node"', { node: "node" }],
    [" draining", { ready: false, serving: true, terminating: true }],
    [" not-ready", { ready: false, serving: false, terminating: false }],
    [" not-ready serving", { ready: false, serving: true, terminating: false }],
    [" not-ready terminating", { ready: false, serving: false, terminating: true }],
    [" not-ready serving terminating", { ready: false, serving: true, terminating: true }],
    [" terminating", { ready: true, serving: true, terminating: true }],
    [" zone-hint a, b", { hints: { zones: ["a", "b"], nodes: [] } }],
    [" node-hint n zone-hint a", { hints: { zones: ["a"], nodes: ["n"] } }],
    [" max-connections 100 min-connections 80", { upperThreshold: 100, lowerThreshold: 80 }],
    [" port http=8081", { ports: [{ name: "http", protocol: "tcp", port: 8081 }] }],
    [
      " port dns=54, http=81",
      {
        ports: [
          { name: "dns", protocol: "udp", port: 54 },
          { name: "http", protocol: "tcp", port: 81 },
        ],
      },
    ],
  ])("10.0.0.1%s", (options, expected) => {
    const [endpoint] = service("port http tcp 80", `endpoint 10.0.0.1${options}`, "port dns udp 53").endpoints;
    expect(endpoint).toMatchObject({ address: at("10.0.0.1"), ...expected });
    expect(marked(endpoint?.origin)).toBe(`endpoint 10.0.0.1${options}`);
  });

  it("give the port alone where it has no name", () => {
    expect(service("port tcp 80", "endpoint 10.0.0.1 port 8080").endpoints[0]?.ports).toEqual([
      { name: "", protocol: "tcp", port: 8080 },
    ]);
  });

  it.each([
    [" weight 70000", "2:28 syntax/number [70000] weight 70000 is not between 0 and 65535"],
    [" weight 1 weight 1", "2:30 syntax/repeated [weight] `weight` is given twice"],
    [
      " draining terminating",
      "2:30 syntax/contradiction [terminating] `draining` means `not-ready serving terminating` already",
    ],
    [" serving", "2:21 syntax/contradiction [serving] a ready endpoint is always serving"],
    [" min-connections 5", "2:21 syntax/contradiction [min-connections] min-connections 5 is above max-connections 0"],
    [" port x=1", "2:26 spec/unknown-port [x=1] service shop/web has no port x"],
    [" port 1", "2:26 spec/unknown-port [1] service shop/web has no port without a name"],
    [" port http=1, http=2", "2:34 syntax/repeated [http=2] port http is given twice"],
    [" on weight 3", "2:24 syntax/unexpected [weight] unexpected `weight`, expected the name of a node"],
  ])("refuse 10.0.0.1%s", (options, finding) => {
    expect(findings(`endpoint 10.0.0.1${options}`, "port http tcp 80")).toEqual([finding]);
  });
});

describe("names are safe in rules, comments and paths", () => {
  it.each([
    ['node "a b" {', 'node "a b" may hold only letters, digits, `-`, `_` and `.`'],
    ['node "a\'b" {', 'node "a\'b" may hold only letters, digits, `-`, `_` and `.`'],
    ['node "../x" {', 'node "../x" must begin with a letter, a digit or `_`'],
    ['node "-j" {', 'node "-j" must begin with a letter, a digit or `_`'],
    ['node "" {', 'node "" is empty'],
    [`node ${"a".repeat(254)} {`, `node "${"a".repeat(67)}..." is longer than 253 characters`],
    ["service a/b/c {", 'service "a/b/c" has more than one `/`'],
    ["service /b {", 'namespace "" is empty'],
    ["service a/-b {", 'service name "-b" must begin with a letter, a digit or `_`'],
    [`service a/${"b".repeat(64)} {`, `service name "${"b".repeat(64)}" is longer than 63 characters`],
    ["service a/b+c {", 'service name "b+c" may hold only letters, digits, `-`, `_` and `.`'],
  ])("%s", (header, message) => {
    expect(findingsIn(`${header}\n}\n`).map((line) => line.replace(/^.*?\] /, ""))).toEqual([message]);
  });
});
