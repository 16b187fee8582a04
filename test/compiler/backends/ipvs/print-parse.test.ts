import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipvsBackend } from "../../../../compiler/backends/ipvs/backend.ts";
import { parseOperations } from "../../../../compiler/backends/ipvs/parse-operations.ts";
import { parseVirtualServers } from "../../../../compiler/backends/ipvs/parse-servers.ts";
import { parseIpset } from "../../../../compiler/backends/ipvs/parse-sets.ts";
import { printId } from "../../../../compiler/backends/ipvs/print-servers.ts";
import { printIpset } from "../../../../compiler/backends/ipvs/print-sets.ts";
import type { IpvsProgram } from "../../../../compiler/backends/ipvs/program.ts";
import { ParseError, textOf } from "../../../../compiler/backends/text.ts";
import type { IrFrontend, NodeIr } from "../../../../compiler/ir/ir.ts";
import { anyRoute, clusterRoutes, frontend, localRoutes, nodePortFrontend, testIr } from "../../../support/ir.ts";

function filesOf(program: IpvsProgram): Map<string, string> {
  return new Map(ipvsBackend.print(program).map((file) => [file.path, textOf(file)]));
}

const forwardings = [
  { method: "nat" },
  { method: "direct" },
  { method: "tunnel", type: "ipip", port: null },
  { method: "tunnel", type: "gue", port: 6080 },
] as const;

const endpointText = (family: 4 | 6) =>
  fc
    .tuple(fc.integer({ min: 1, max: 254 }), fc.integer({ min: 1, max: 9 }), fc.constantFrom("", " local", " drained"))
    .map(
      ([host, weight, word]) =>
        `${family === 4 ? `10.244.1.${host}` : `[fd00:10:244::${host.toString(16)}]`}:80 x${weight}${word}`,
    );

const endpointTexts = (family: 4 | 6) =>
  fc.uniqueArray(endpointText(family), { maxLength: 4, selector: (text) => text.split(" ")[0] });

const settings = fc.record({
  protocol: fc.constantFrom("tcp", "udp", "sctp"),
  affinity: fc.constantFrom(null, 300),
  netmask: fc.boolean(),
  scheduler: fc.constantFrom(null, "rr", "mh", "sh", "lc"),
  flags: fc.constantFrom([], ["fallback"], ["fallback", "port"]),
  onePacket: fc.boolean(),
  forwarding: fc.constantFrom(...forwardings),
  ranged: fc.boolean(),
  routes: fc.constantFrom("any", "cluster", "local"),
});

const someFrontend = (at: number): fc.Arbitrary<IrFrontend> =>
  fc
    .tuple(fc.constantFrom<4 | 6>(4, 6), fc.boolean(), settings)
    .chain(([family, isNodePort, all]) => endpointTexts(family).map((texts) => ({ family, isNodePort, all, texts })))
    .map(({ family, isNodePort, all, texts }) => {
      const routesOf = { any: anyRoute, cluster: clusterRoutes, local: localRoutes }[all.routes];
      const options = {
        key: `shop/s${at}`,
        protocol: all.protocol,
        routes: routesOf(texts).map((route) =>
          route.pool.endpoints.length === 0 ? { ...route, masquerade: false } : route,
        ),
        onePacket: all.onePacket,
        forwarding: all.forwarding,
        scheduler: all.scheduler,
        ...(all.affinity === null ? {} : { affinitySeconds: all.affinity }),
        ...(all.netmask ? { affinityNetmask: { ipv4: 24, ipv6: 64 } } : {}),
        ...(all.ranged ? { sourceRanges: [family === 4 ? "192.0.2.0/24" : "2001:db8::/32"] } : {}),
      } as const;
      const made = isNodePort
        ? nodePortFrontend(family === 4 ? "ipv4" : "ipv6", 30000 + at, options)
        : frontend(family === 4 ? `10.96.0.${at + 1}:80` : `[fd00:10:96::${at + 1}]:80`, options);
      return { ...made, schedulerFlags: all.flags };
    });

const someIr: fc.Arbitrary<NodeIr> = fc
  .tuple(...Array.from({ length: 5 }, (_, at) => fc.option(someFrontend(at))))
  .map((list) =>
    testIr({
      frontends: list.filter((each) => each !== null),
      pods: ["10.244.0.0/16", "fd00:10:244::/56"],
      serviceRanges: ["10.96.0.0/12"],
    }),
  );

describe("print and parse", () => {
  it("are inverse of each other", () => {
    fc.assert(
      fc.property(someIr, (ir) => {
        const { program } = ipvsBackend.lower({
          ...ir,
          ipvs: { ...ir.ipvs, tcpTimeoutSeconds: 900, excludedRanges: ir.serviceRanges.ipv4, strictArp: true },
        });
        expect(ipvsBackend.parse(filesOf(program))).toEqual(program);
      }),
      { seed: 20261122, numRuns: 150 },
    );
  });

  it("agree with what ipvsadm and ipset list, in whatever order", () => {
    fc.assert(
      fc.property(someIr, (ir) => {
        const { program } = ipvsBackend.lower(ir);
        const files = filesOf(program);
        const { virtualServers } = parseVirtualServers(files.get("ipvs/ipvsadm.rules") ?? "");
        expect(virtualServers).toEqual(program.virtualServers.map((server) => ({ ...server, key: null })));
        const shuffled = (files.get("ipvs/ipset.rules") ?? "").split("\n").filter((line) => line !== "");
        const creates = shuffled.filter((line) => line.startsWith("create"));
        const adds = shuffled.filter((line) => line.startsWith("add")).reverse();
        expect(parseIpset([...creates, ...adds].join("\n"))).toEqual(program.sets);
      }),
      { seed: 20261122, numRuns: 100 },
    );
  });

  it("refuse files that disagree", () => {
    const files = filesOf(
      ipvsBackend.lower(testIr({ frontends: [frontend("10.96.0.10:80", { routes: anyRoute(["10.244.1.5:80"]) })] }))
        .program,
    );
    const lines = files.get("ipvs/ipvsadm.rules") ?? "";
    expect(() => ipvsBackend.parse(new Map([...files, ["ipvs/ipvsadm.rules", lines.replace("-w 1", "-w 2")]]))).toThrow(
      "does not say what ipvs.json says",
    );
    files.delete("ipvs/sysctl.conf");
    expect(() => ipvsBackend.parse(files)).toThrow("ipvs/sysctl.conf is missing");
  });
});

describe("listings", () => {
  it("of ipvsadm have marks as signed numbers and options in their own order", () => {
    const text = [
      "-A -f -1073741824 -6 -s mh -p 300 -M 64 -b mh-fallback,mh-port",
      "-A -t 10.0.0.1:80 -s wrr -p 60 -M 255.255.255.0",
      "-a -t 10.0.0.1:80 -r 10.2.0.2:80 -i -w 3 --tun-type gue --tun-port 6080 --tun-nocsum",
      "-a -t 10.0.0.1:80 -r 10.2.0.1:80 -g -w 0",
      "",
    ].join("\n");
    const { virtualServers } = parseVirtualServers(text);
    expect(virtualServers.map((server) => printId(server.id))).toEqual(["-f 3221225472 -6", "-t 10.0.0.1:80"]);
    expect(virtualServers[0]).toMatchObject({ scheduler: "mh", schedulerFlags: ["fallback", "port"] });
    expect(virtualServers[1]?.persistence).toEqual({ timeoutSeconds: 60, prefixLength: 24 });
    expect(virtualServers[1]?.realServers.map((real) => [real.address.text, real.method.kind])).toEqual([
      ["10.2.0.1", "route"],
      ["10.2.0.2", "tunnel"],
    ]);
  });

  it("of ipset have seeds and sizes, and sets of others", () => {
    const text = [
      "create KUBE-LOOP-BACK hash:ip,port,ip family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x1",
      "add KUBE-LOOP-BACK 10.1.1.1,tcp:80,10.1.1.1",
      "create weir-pods hash:net family inet hashsize 4096 maxelem 1048576 bucketsize 12 initval 0xfe3a",
      "add weir-pods 10.244.0.0/16",
      "add weir-pods 10.1.2.3",
      "",
    ].join("\n");
    expect(textOf(printIpset("", parseIpset(text)))).toBe(
      "create weir-pods hash:net family inet hashsize 1024 maxelem 1048576\nadd weir-pods 10.1.2.3\nadd weir-pods 10.244.0.0/16\n",
    );
  });

  it.each([
    { what: "an unknown command", parse: () => parseVirtualServers("-E -t 10.0.0.1:80 -s rr\n"), line: 1 },
    {
      what: "a server of no one",
      parse: () => parseVirtualServers("\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1\n"),
      line: 2,
    },
    {
      what: "a mask with a hole",
      parse: () => parseVirtualServers("-A -t 10.0.0.1:80 -s rr -p 5 -M 255.0.255.0"),
      line: 1,
    },
    { what: "an element of no set", parse: () => parseIpset("add weir-pods 10.0.0.0/8\n"), line: 1 },
    { what: "an unknown operation", parse: () => parseOperations('[\n{"op":"del-service"}\n]\n'), line: 2 },
    {
      what: "an unknown field",
      parse: () => parseOperations('[\n{"op":"set-config","tcp":0,"tcpFin":0,"udp":0,"x":1}\n]'),
      line: 2,
    },
    { what: "no end", parse: () => parseOperations("[\n]\n"), line: 3 },
  ])("refuse $what", ({ parse, line }) => {
    expect(parse).toThrow(ParseError);
    expect(parse).toThrow(`line ${line}:`);
  });
});

it("writes no text that could end a quote", () => {
  const evil = frontend("10.96.0.10:80", { key: 'a" skbmark 0x1', routes: anyRoute(["10.244.1.5:80"]) });
  expect(() => ipvsBackend.print(ipvsBackend.lower(testIr({ frontends: [evil] })).program)).toThrow(
    "cannot be written for ipset",
  );
});
