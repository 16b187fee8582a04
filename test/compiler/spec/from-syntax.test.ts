import { describe, expect, it } from "vitest";
import type { Location } from "../../../compiler/source.ts";
import { mergeFragments } from "../../../compiler/spec/merge.ts";
import { specSchema } from "../../../compiler/spec/schema.ts";
import { findingsIn, fragmentOf, meaningOf } from "../../support/language.ts";

function marked(location: Location | undefined): string {
  return location === undefined ? "" : location.file.text.slice(location.start, location.end);
}

function setting(line: string): unknown {
  const { settings } = fragmentOf(`cluster {\n  ${line}\n}\n`);
  expect(marked(settings[0]?.origin)).toBe(line);
  expect(settings).toHaveLength(1);
  return [settings[0]?.key, JSON.parse(meaningOf({ ...fragmentOf(""), settings })).settings[0].value];
}

const net = (text: string) => expect.objectContaining({ text });

describe("cluster settings", () => {
  it.each<[string, string, unknown]>([
    ["pods 10.244.0.0/16, fd00::/56", "pods", [net("10.244.0.0/16"), net("fd00::/56")]],
    ["service-range 10.96.0.0/12", "serviceRanges", [net("10.96.0.0/12")]],
    ["node-port-range 30000-32767", "nodePortRange", { first: 30000, last: 32767 }],
    ["node-port-addresses any", "nodePortAddresses", { kind: "any" }],
    ["node-port-addresses primary", "nodePortAddresses", { kind: "primary" }],
    ["node-port-addresses 192.0.2.1", "nodePortAddresses", { kind: "prefixes", prefixes: [net("192.0.2.1/32")] }],
    ["local-traffic cluster-pods", "detector", { kind: "cluster-pods" }],
    ["local-traffic node-pods", "detector", { kind: "node-pods" }],
    ["local-traffic none", "detector", { kind: "none" }],
    ["local-traffic bridge cni0", "detector", { kind: "bridge-interface", name: "cni0" }],
    ["local-traffic interface-prefix veth", "detector", { kind: "interface-prefix", prefix: "veth" }],
    ["masquerade-all", "masqueradeAll", true],
    ["masquerade-bit 0", "masqueradeBit", 0],
    ["drop-bit 20", "dropBit", 20],
    ["reject-bit 31", "rejectBit", 31],
    ["proxy-ports 1000-2000", "proxyPorts", { first: 1000, last: 2000 }],
    ["scheduler wlc", "ipvsScheduler", "wlc"],
    ["strict-arp", "ipvsStrictArp", true],
    ["tcp-timeout 15m", "ipvsTcpTimeout", 900],
    ["tcp-fin-timeout 30s", "ipvsTcpFinTimeout", 30],
    ["udp-timeout 0s", "ipvsUdpTimeout", 0],
    ["exclude-ranges 10.0.0.0/8", "ipvsExcludedRanges", [net("10.0.0.0/8")]],
    ["allow warning spec/no-address", "allowedWarnings", ["spec/no-address"]],
    ["guard vip 10.0.0.0/8 for shop/*", "guards", [{ prefixes: [net("10.0.0.0/8")], services: ["shop/*"] }]],
  ])("%s", (line, key, value) => {
    expect(setting(line)).toEqual([key, value]);
  });

  it("keep the spec's contract", () => {
    const text =
      "cluster {\n  pods 10.0.0.0/8\n  pods fd00::/8\n}\nnode n {\n  zone a\n  address 10.0.0.1\n  pods 10.0.1.0/24\n}\n";
    const { spec, diagnostics } = mergeFragments([fragmentOf(text)]);
    expect(diagnostics).toEqual([]);
    expect(() => specSchema.parse(spec)).not.toThrow();
    expect(spec.cluster.pods).toHaveLength(2);
    expect(spec.nodes[0]).toMatchObject({
      name: "n",
      zone: "a",
      addresses: [net("10.0.0.1")],
      pods: [net("10.0.1.0/24")],
    });
    expect(marked(spec.nodes[0]?.origin)).toBe("node n");
  });

  it.each([
    ["masquerade-bit 32", "2:18 syntax/number [32] bit 32 is not between 0 and 31"],
    ["tcp-timeout 597h", "2:15 syntax/duration [597h] 597h is 2149200 seconds, which is not between 0 and 2147483"],
    [
      "local-traffic bridge aaaaaaaaaaaaaaaa",
      '2:24 syntax/name [aaaaaaaaaaaaaaaa] interface "aaaaaaaaaaaaaaaa" is longer than 15 characters',
    ],
    ["guard vip 10.0.0.0/8 for shop", '2:28 syntax/name [shop] pattern "shop" is not namespace/name'],
    ["allow warning syntax/port", '2:17 syntax/unknown-value [syntax/port] "syntax/port" is no warning'],
    ["node-port-range 70000-70001", "2:19 syntax/port-range [70000-70001] 70000-70001 is not a range of ports"],
  ])("refuse %s", (line, finding) => {
    expect(findingsIn(`cluster {\n  ${line}\n}\n`)).toEqual([finding]);
  });
});

describe("lists", () => {
  it("hold addresses, prefixes and other lists, in any order", () => {
    const text = "cluster {\n  pods all\n}\nlet all = some, 10.2.0.0/16\nlet some = 10.1.0.0/16\n";
    expect(fragmentOf(text).settings[0]?.value).toMatchObject([{ text: "10.1.0.0/16" }, { text: "10.2.0.0/16" }]);
  });

  it("of addresses stand where addresses stand, with the place of their name", () => {
    const { services } = fragmentOf("let vips = 10.0.0.1, fd00::1\nservice a/b {\n  vip vips\n}\n");
    expect(services[0]?.vips.map(({ address, origin }) => [address.text, marked(origin)])).toEqual([
      ["10.0.0.1", "vips"],
      ["fd00::1", "vips"],
    ]);
  });

  it.each([
    [
      "let a = 10.0.0.0/8\nnode n {\n  address a\n}\n",
      "3:11 syntax/address [a] list a holds 10.0.0.0/8, and only addresses can stand here",
    ],
    ["let a = a\n", "1:9 syntax/cyclic-list [a] list a contains itself"],
    [
      "let 1a = 10.0.0.1\n",
      "1:5 syntax/name [1a] list 1a looks like an address; lists have names that begin with a letter",
    ],
    ["node n {\n  address nodes\n}\n", "2:11 syntax/unknown-list [nodes] no list nodes is declared in this file"],
  ])("%j", (text, finding) => {
    expect(findingsIn(text)[0]).toBe(finding);
  });

  it("hold addresses only where they are written without a length", () => {
    expect(findingsIn("let a = 10.0.0.1/32\nnode n {\n  address a\n}\n")).toEqual([
      "3:11 syntax/address [a] list a holds 10.0.0.1/32, and only addresses can stand here",
    ]);
  });

  it("are declared once", () => {
    expect(findingsIn("let a = 10.0.0.1\nlet a = 10.0.0.2\nnode n {\n  address a\n}\n")).toEqual([
      "2:1 syntax/repeated [let a = 10.0.0.2] list a is given twice",
    ]);
  });
});

describe("expectations", () => {
  function outcome(text: string): unknown {
    const [expected] = fragmentOf(`expect on n: tcp 10.0.0.1 -> 10.0.0.2:80 ${text}\n`).expects;
    expect(expected).toMatchObject({ node: "n", protocol: "tcp", port: 80, source: net("10.0.0.1") });
    return expected?.outcome;
  }

  it.each<[string, unknown]>([
    ["rejected", { kind: "rejected" }],
    ["dropped", { kind: "dropped" }],
    ["not-ours", { kind: "pass" }],
    [
      "reaches a/b",
      { kind: "reaches", targets: [{ service: "a/b", endpoint: null, percent: null }], masquerade: null },
    ],
    [
      "reaches a/b:http 25% masquerade no",
      { kind: "reaches", targets: [{ service: "a/b:http", endpoint: null, percent: 25 }], masquerade: false },
    ],
    [
      "reaches 10.0.0.3 33.3%, fd00::1 66.7% masquerade yes",
      {
        kind: "reaches",
        targets: [
          { service: null, endpoint: net("10.0.0.3"), percent: 33.3 },
          { service: null, endpoint: net("fd00::1"), percent: 66.7 },
        ],
        masquerade: true,
      },
    ],
  ])("%s", (text, expected) => {
    expect(outcome(text)).toEqual(expected);
  });

  it("take IPv6 in brackets, and hold on every node without `on`", () => {
    const [expected] = fragmentOf("expect: udp fd00::1 -> [fd00::2]:53 dropped\n").expects;
    expect(expected).toMatchObject({ node: null, protocol: "udp", destination: net("fd00::2"), port: 53 });
    expect(marked(expected?.origin)).toBe("expect: udp fd00::1 -> [fd00::2]:53 dropped");
  });

  it.each([
    [
      "expect: tcp fd00::1 -> fd00::2:80 dropped",
      "1:24 syntax/address-and-port [fd00::2:80] fd00::2:80 is not an address with a port",
    ],
    [
      "expect: tcp 10.0.0.1 -> 10.0.0.2:0 dropped",
      "1:25 syntax/port [10.0.0.2:0] 0 is not a port; ports are numbers from 1 to 65535",
    ],
    [
      "expect: tcp 10.0.0.1 -> [fd00::2]:80 dropped",
      "1:25 syntax/contradiction [[fd00::2]:80] a packet from 10.0.0.1 cannot go to fd00::2: their families differ",
    ],
    ["expect: tcp 10.0.0.1 -> 10.0.0.2:80 reaches web", "1:45 syntax/unknown-value [web] web is no service or address"],
    [
      "expect: tcp 10.0.0.1 -> 10.0.0.2:80 reaches a/b 101%",
      "1:49 syntax/number [101%] percentage 101 is not between 0 and 100",
    ],
    [
      "expect: tcp 10.0.0.1 -> 10.0.0.2:80 reaches a/b:.x",
      '1:49 syntax/name [.x] port name ".x" must begin with a letter, a digit or `_`',
    ],
  ])("refuse %s", (text, finding) => {
    expect(findingsIn(`${text}\n`)).toEqual([finding]);
  });
});

describe("includes", () => {
  it("are requests, with their place", () => {
    const [include] = fragmentOf('include "regions/*.weir"\n').includes;
    expect(include?.pattern).toBe("regions/*.weir");
    expect(marked(include?.origin)).toBe('include "regions/*.weir"');
  });

  it("need a path", () => {
    expect(findingsIn('include " "\n')).toEqual(['1:9 syntax/name [" "] path "" is empty']);
  });
});
