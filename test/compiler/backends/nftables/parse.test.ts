import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nftablesBackend } from "../../../../compiler/backends/nftables/backend.ts";
import { elementComment } from "../../../../compiler/backends/nftables/names.ts";
import { parseNftables } from "../../../../compiler/backends/nftables/parse.ts";
import { ParseError } from "../../../../compiler/backends/text.ts";
import {
  anyRoute,
  clusterRoutes,
  frontend,
  type IrOptions,
  localRoutes,
  nodePortFrontend,
} from "../../../support/ir.ts";
import { elements, lower, parse, print } from "./support.ts";

const web = ["10.244.1.5:8080 x3 local", "10.244.2.7:8080"];
const web6 = ["[fd00:10:244:1::5]:8080 local", "[fd00:10:244:2::7]:8080"];
const wide = ["10.244.1.5:8080 x1000 local", "10.244.2.7:8080 x3001"];

/** Uses everything that the backend can print. */
const everything: IrOptions = {
  pods: ["10.244.0.0/16", "fd00:10:244::/48"],
  serviceRanges: ["10.96.0.0/12", "fd00:10:96::/112"],
  nodePortAddresses: ["192.0.2.0/25", "192.0.2.200/32", "2001:db8::/64"],
  frontends: [
    frontend("10.96.0.10:80", { routes: clusterRoutes(web) }),
    frontend("203.0.113.80:80", { kind: "external", routes: anyRoute(web, true) }),
    frontend("198.51.100.8:80", {
      kind: "load-balancer",
      routes: localRoutes(web),
      sourceRanges: ["203.0.113.0/25", "192.0.2.1/32"],
    }),
    nodePortFrontend("ipv4", 30080, { routes: localRoutes(web) }),
    nodePortFrontend("ipv4", 30081, { routes: anyRoute(web, true), affinitySeconds: 90 }),
    frontend("10.96.0.11:53", { key: "shop/dns", protocol: "udp", affinitySeconds: 10800, routes: clusterRoutes(web) }),
    frontend("10.96.0.11:53", { key: "shop/dns", protocol: "sctp", routes: clusterRoutes(web) }),
    frontend("10.96.0.12:80", {
      key: "shop/wide",
      affinitySeconds: 86399,
      affinityNetmask: { ipv4: 24, ipv6: 64 },
      routes: clusterRoutes(wide),
    }),
    frontend("10.96.0.13:80", { key: "shop/wide-too", routes: clusterRoutes(wide) }),
    frontend("10.96.0.14:80", { key: "shop/none", routes: clusterRoutes([]) }),
    frontend("198.51.100.9:80", { kind: "external", routes: localRoutes(["10.244.2.7:8080"]) }),
    frontend("[fd00:10:96::10]:80", { key: "shop/web6", routes: clusterRoutes(web6) }),
    frontend("[fd00:10:96::12]:53", {
      key: "shop/udp6",
      protocol: "udp",
      affinitySeconds: 10800,
      affinityNetmask: { ipv4: 24, ipv6: 64 },
      routes: clusterRoutes(web6),
    }),
    nodePortFrontend("ipv6", 30081, { routes: anyRoute(web6, true), affinitySeconds: 90 }),
  ],
};

describe("parse", () => {
  it("reads what print wrote", () => {
    const program = lower(everything);
    expect(parse(print(program))).toEqual(program);
    expect(print(parse(print(program)))).toBe(print(program));
  });

  /**
   * `nft list ruleset` of nft 1.0.6 on Linux 6.18 after loading the ruleset of `everything` twice and sending
   * connections through it, beside a table of somebody else's.
   */
  it("reads the kernel's listing as the same program", () => {
    const listing = readFileSync(new URL("listing.nft", import.meta.url), "utf8");
    expect(listing).toContain("expires");
    expect(listing).toContain("table inet probe");
    expect(parseNftables(listing)).toEqual(lower(everything));
  });

  it("does not mind counters, handles, numbers for names and the order of things", () => {
    const program = lower({
      frontends: [frontend("10.96.0.10:80", { routes: clusterRoutes(web), affinitySeconds: 90 })],
    });
    const text = print(program)
      .replaceAll("{ tcp, udp, sctp }", "{ 6, 17, 132 }")
      .replaceAll(" . tcp . ", " . 6 . ")
      .replaceAll("timeout 1m30s", "timeout 90s")
      .replace("priority dstnat", "priority -100")
      .replace("priority srcnat", "priority dstnat + 200")
      .replace(
        "{ reject; }",
        "{ # handle 7\ncounter packets 3 bytes 180 reject with icmp port-unreachable # handle 9\n}",
      )
      .replace("jump services", "counter jump services");
    expect(text).not.toBe(print(program));
    expect(parse(text)).toEqual(program);
    const reversed = {
      tables: program.tables.map((table) => ({
        ...table,
        sets: [...table.sets].reverse(),
        chains: [...table.chains].reverse(),
      })),
    };
    expect(parse(print(reversed))).toEqual(program);
  });

  it("is the inverse of print for weights, affinity and families of all kinds", () => {
    const endpoint = fc.record({
      host: fc.integer({ min: 1, max: 254 }),
      weight: fc.integer({ min: 0, max: 700 }),
      local: fc.boolean(),
    });
    const service = fc.record({
      port: fc.integer({ min: 1, max: 65535 }),
      six: fc.boolean(),
      nodePort: fc.boolean(),
      local: fc.boolean(),
      affinitySeconds: fc.option(fc.integer({ min: 1, max: 86400 }), { nil: undefined }),
      endpoints: fc.uniqueArray(endpoint, { maxLength: 6, selector: ({ host }) => host }),
    });
    fc.assert(
      fc.property(fc.uniqueArray(service, { maxLength: 5, selector: ({ port }) => port }), (services) => {
        const program = lower({
          pods: ["10.244.0.0/16"],
          frontends: services.map(({ port, six, nodePort, local, affinitySeconds, endpoints }) => {
            const texts = endpoints.map(
              ({ host, weight, local: here }) =>
                `${six ? `[fd00::${host}]` : `10.0.0.${host}`}:8080 ${weight === 0 ? "drained" : `x${weight}`}${here ? " local" : ""}`,
            );
            const options = {
              routes: local ? localRoutes(texts) : clusterRoutes(texts),
              ...(affinitySeconds === undefined ? {} : { affinitySeconds }),
            };
            if (nodePort) return nodePortFrontend(six ? "ipv6" : "ipv4", port, options);
            return frontend(`${six ? "[fd00:96::1]" : "10.96.0.1"}:${port}`, options);
          }),
        });
        expect(parse(print(program))).toEqual(program);
      }),
      { seed: 5, numRuns: 60 },
    );
  });
});

describe("parse refuses", () => {
  const good = print(lower({ frontends: [frontend("10.96.0.10:80", { routes: clusterRoutes(web) })] }));
  const lineOf = (text: string) => good.split("\n").findIndex((line) => line.includes(text)) + 1;

  it.each([
    ["a command it does not know", "table ip weir\n", "flush ruleset\n", 1],
    ["a statement it does not know", "{ reject; }", "{ accept; }", lineOf("{ reject; }")],
    ["a hook that weir does not use", "hook output", "hook input", lineOf("hook output")],
    [
      "a set type that weir does not use",
      "type ipv4_addr . inet_proto . inet_service;",
      "type ether_addr;",
      lineOf("set ranged"),
    ],
    [
      "an address that is none",
      "10.96.0.10 . tcp . 80 comment",
      "10.96.0.256 . tcp . 80 comment",
      lineOf("10.96.0.10 . tcp . 80 comment"),
    ],
    ["a class id that is none", ". 5700:0", ". 0:g", lineOf(". 5700:0")],
    ["an unclosed table", /\}\n$/, "", good.split("\n").length - 1],
  ])("%s", (_, from, to, line) => {
    const bad = good.replace(from, to);
    expect(bad).not.toBe(good);
    let thrown: unknown;
    try {
      parse(bad);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ParseError);
    expect(thrown instanceof ParseError && thrown.line).toBe(line);
  });

  it("a table twice, and files without the ruleset", () => {
    expect(() => parse(good + good)).toThrow("comes twice");
    expect(() => nftablesBackend.parse(new Map([["nftables/other", ""]]))).toThrow("nftables/ruleset.nft is missing");
    expect(nftablesBackend.parse(new Map())).toEqual({ tables: [] });
  });
});

describe("names from specs", () => {
  const hostile = [
    'x" : drop, } } table ip evil { chain c {',
    "a\nadd table ip evil",
    "a\\",
    "ü/ß:ñ",
    `${"n".repeat(150)}/web:http`,
  ];

  it.each(hostile)("cannot leave their quotes: %j", (key) => {
    const program = lower({ frontends: [frontend("10.96.0.10:80", { key, routes: clusterRoutes(web) })] });
    const [line = ""] = elements(program, "ip", "frontends");
    expect(line).toMatch(
      /^10\.96\.0\.10 \. tcp \. 80 comment "[ !#-[\]-~]{1,128}" : goto masquerade-unless-pod-pick-4$|^10\.96\.0\.10 \. tcp \. 80 comment "[ !#-[\]-~]{1,128}" : goto masquerade-pick-4$/,
    );
    expect(parse(print(program))).toEqual(program);
  });

  it("cannot leave names of chains", () => {
    const routes = clusterRoutes(wide);
    const program = lower({
      frontends: hostile.map((key, index) => frontend(`10.96.0.${index + 1}:80`, { key, routes })),
    });
    for (const { name } of nftablesBackend.names(program)) expect(name).toMatch(/^[a-z][a-z0-9-]{0,254}$/);
  });

  it("stay apart when they are cut or cleaned", () => {
    expect(elementComment("shop/web:http")).toBe("shop/web:http");
    expect(elementComment('a"b')).not.toBe(elementComment("a\\b"));
    expect(elementComment("n".repeat(200))).toHaveLength(128);
    expect(elementComment("n".repeat(200))).not.toBe(elementComment("n".repeat(201)));
  });
});
