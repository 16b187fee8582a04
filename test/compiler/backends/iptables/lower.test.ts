import { describe, expect, it } from "vitest";
import { iptablesBackend } from "../../../../compiler/backends/iptables/backend.ts";
import { printRule } from "../../../../compiler/backends/iptables/print.ts";
import type { NodeIr } from "../../../../compiler/ir/ir.ts";
import {
  anyRoute,
  clusterRoutes,
  frontend,
  type IrOptions,
  localRoutes,
  nodePortFrontend,
  testIr,
} from "../../../support/ir.ts";

const two = ["10.244.1.5:8080 x3 local", "10.244.2.7:8080"];

/** Rules of a family's nat table by chain, as text; names of services' chains without their hash. */
function natOf(ir: NodeIr, family: "ipv4" | "ipv6" = "ipv4"): Readonly<Record<string, readonly string[]>> {
  const tables = iptablesBackend.lower(ir).program[family]?.tables ?? [];
  const chains = tables.find((table) => table.name === "nat")?.chains ?? [];
  const short = (text: string) => text.replace(/(WEIR-[A-Z]+-[a-z0-9-]+|weir-[a-z0-9-]+)-[a-z2-7]{8}/g, "$1");
  return Object.fromEntries(
    chains.map(({ name, rules }) => [short(name), rules.map((rule) => short(printRule(rule).slice(1)))]),
  );
}

function nat(frontends: IrOptions["frontends"], options: Partial<IrOptions> = {}) {
  return natOf(testIr({ frontends, pods: ["10.244.0.0/16"], ...options }));
}

const vip = (options: Partial<Parameters<typeof frontend>[1]> = {}) =>
  frontend("10.96.0.10:80", { routes: clusterRoutes(two), ...options });

describe("dispatch", () => {
  it("leads from address, protocol and port to the service, and refuses other ports of a cluster VIP", () => {
    const chains = nat([vip(), frontend("203.0.113.80:80", { kind: "external", routes: anyRoute(two, true) })]);
    expect(chains["WEIR-ADDRESSES"]).toEqual([
      '-d 10.96.0.10/32 -p tcp -m tcp --dport 80 -m comment --comment "shop/web:http" -g WEIR-SVC-shop-web-h',
      '-d 203.0.113.80/32 -p tcp -m tcp --dport 80 -m comment --comment "shop/web:http" -g WEIR-EXT-shop-web-h',
      "-d 10.96.0.10/32 -g WEIR-UNSERVED",
    ]);
    expect(chains["WEIR-UNSERVED"]).toEqual(["tcp", "udp", "sctp"].map((protocol) => `-p ${protocol} -g WEIR-REJECT`));
  });

  it("asks addresses first, then node ports, then drops what is left of a service range", () => {
    const node = nodePortFrontend("ipv4", 30080, { routes: anyRoute(two, true) });
    expect(nat([vip(), node], { serviceRanges: ["10.96.0.0/12"] })["WEIR-SERVICES"]).toEqual([
      "-j WEIR-ADDRESSES",
      "! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j WEIR-NODE-PORTS",
      "-d 10.96.0.0/12 -g WEIR-UNALLOCATED",
    ]);
  });

  it.each([
    { prefixes: ["192.0.2.0/24"], rules: ["-d 192.0.2.0/24 -m addrtype --dst-type LOCAL -j WEIR-NODE-PORTS"] },
    { prefixes: ["127.0.0.0/16"], rules: [] },
    { prefixes: ["0.0.0.0/0"], rules: ["! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j WEIR-NODE-PORTS"] },
    {
      prefixes: ["0.0.0.0/1"],
      rules: ["-d 0.0.0.0/1 -m addrtype --dst-type LOCAL -m conntrack ! --ctorigdst 127.0.0.0/8 -j WEIR-NODE-PORTS"],
    },
  ])("serves node ports on $prefixes without loopback", ({ prefixes, rules }) => {
    const node = nodePortFrontend("ipv4", 30080, { routes: anyRoute(two, true) });
    expect(nat([node], { nodePortAddresses: prefixes })["WEIR-SERVICES"]).toEqual(rules);
  });

  it("ends every chain inside a cluster VIP with the refusal of its other ports", () => {
    const many = Array.from({ length: 40 }, (_, at) =>
      frontend(`10.96.0.10:${8000 + at}`, { key: `shop/web:p${at}`, routes: clusterRoutes(two) }),
    );
    const { program } = iptablesBackend.lower(testIr({ frontends: many }));
    const chains = program.ipv4?.tables.find((table) => table.name === "nat")?.chains ?? [];
    const inside = chains.filter(({ name }) => /^WEIR-(DST-10\.96\.0\.10\/32|DPT-)/.test(name));
    expect(inside.length).toBeGreaterThan(2);
    for (const { name, rules } of inside) {
      expect(rules.slice(-1).map(printRule), name).toEqual([" -g WEIR-UNSERVED"]);
    }
  });
});

describe("policies", () => {
  it("masquerades what does not come from pods, in one chain for all services", () => {
    const chains = nat([vip()]);
    expect(chains["WEIR-SVC-shop-web-h"]?.[0]).toBe("-j WEIR-MARK-node-outside");
    expect(chains["WEIR-MARK-node-outside"]).toEqual([
      "-s 10.244.0.0/16 -j RETURN",
      "-j MARK --set-xmark 0x4000/0x4000",
    ]);
  });

  it.each([
    { detector: { kind: "interface", name: "cni0" } as const, match: "-i cni0" },
    { detector: { kind: "interface-prefix", prefix: "veth" } as const, match: "-i veth+" },
  ])("tells pods by $match", ({ detector, match }) => {
    expect(nat([vip()], { detector })["WEIR-MARK-node-outside"]?.[0]).toBe(`${match} -j RETURN`);
  });

  it("sends pods and the node everywhere, others to local endpoints, under a local external policy", () => {
    const chains = nat([frontend("203.0.113.80:80", { kind: "external", routes: localRoutes(two) })]);
    expect(chains["WEIR-EXT-shop-web-h"]).toEqual([
      "-s 10.244.0.0/16 -g WEIR-EP-shop-web-ht",
      "-m addrtype --src-type LOCAL -j MARK --set-xmark 0x4000/0x4000",
      "-m addrtype --src-type LOCAL -g WEIR-EP-shop-web-ht",
      "-p tcp -j DNAT --to-destination 10.244.1.5:8080",
    ]);
  });

  it("drops outside traffic when the local pool is empty, and needs no chain when nothing is left to decide", () => {
    const elsewhere = ["10.244.2.7:8080"];
    const local = nat([frontend("203.0.113.80:80", { kind: "external", routes: localRoutes(elsewhere) })]);
    expect(local["WEIR-EXT-shop-web-h"]?.at(-1)).toBe("-g WEIR-DROP");
    expect(nat([vip({ routes: clusterRoutes([]) })])["WEIR-ADDRESSES"]?.[0]).toMatch(/ -g WEIR-REJECT$/);
  });

  it("tests source ranges before everything else, for each frontend", () => {
    const options = { kind: "load-balancer", routes: anyRoute(two, true), sourceRanges: ["198.51.100.0/24"] } as const;
    const chains = nat([frontend("198.51.100.7:80", options)]);
    expect(chains["WEIR-ADDRESSES"]?.[0]).toMatch(/ -g WEIR-FW-shop-web-ht$/);
    expect(chains["WEIR-FW-shop-web-ht"]).toEqual(["-s 198.51.100.0/24 -g WEIR-EXT-shop-web-h", "-g WEIR-DROP"]);
    const nobody = nat([frontend("198.51.100.7:80", { ...options, sourceRanges: [] })]);
    expect(nobody["WEIR-ADDRESSES"]?.[0]).toMatch(/ -g WEIR-DROP$/);
    const everybody = nat([frontend("198.51.100.7:80", { ...options, sourceRanges: ["0.0.0.0/0"] })]);
    expect(everybody["WEIR-ADDRESSES"]?.[0]).toMatch(/ -g WEIR-EXT-shop-web-h$/);
  });
});

describe("choices", () => {
  const probabilities = (rules: readonly string[] | undefined) =>
    rules?.filter((text) => text.includes("DNAT")).map((text) => /--probability (\S+)/.exec(text)?.[1] ?? "rest");

  it("chooses by weight", () => {
    const rules = nat([vip({ routes: anyRoute(two) })])["WEIR-SVC-shop-web-h"];
    const share = rules?.[0]?.includes("10.244.1.5") ? "0.75000000000" : "0.25000000000";
    expect(probabilities(rules)).toEqual([share, "rest"]);
  });

  it("chooses in groups of sixteen when there are more", () => {
    const forty = Array.from({ length: 40 }, (_, at) => `10.244.1.${at + 1}:80`);
    const ir = testIr({ frontends: [vip({ routes: anyRoute(forty) })] });
    const chains = iptablesBackend.lower(ir).program.ipv4?.tables.find((table) => table.name === "nat")?.chains ?? [];
    const pools = chains.filter((chain) => chain.name.startsWith("WEIR-EP-"));
    expect(pools.map((chain) => chain.rules.length).sort()).toEqual([16, 16, 8]);
    const top = chains.find((chain) => chain.name.startsWith("WEIR-SVC-"));
    expect(top?.rules.map((rule) => printRule(rule).replace(/ -g .*/, ""))).toEqual([
      " -p tcp -m statistic --mode random --probability 0.20000000019",
      " -p tcp -m statistic --mode random --probability 0.50000000000",
      " -p tcp",
    ]);
  });

  it("remembers clients for each frontend and endpoint, with the netmask of the spec", () => {
    const routes = anyRoute(["10.244.1.5:8080"], true);
    const chains = nat([vip({ routes, affinitySeconds: 60, affinityNetmask: { ipv4: 24, ipv6: 64 } })]);
    const list = "--name weir-shop-web-http-cluster-10-96-0-10-tcp-80-10-244-1-5-8080 --mask 255.255.255.0 --rsource";
    expect(chains["WEIR-SVC-shop-web-h"]).toEqual([
      "-j MARK --set-xmark 0x4000/0x4000",
      `-p tcp -m recent --update --seconds 60 --reap ${list} -j DNAT --to-destination 10.244.1.5:8080`,
      `-p tcp -m recent --set ${list} -j DNAT --to-destination 10.244.1.5:8080`,
    ]);
  });

  it("masquerades an endpoint that is sent to itself", () => {
    const chains = nat([vip()]);
    expect(chains["WEIR-HAIRPIN"]).toEqual(["-s 10.244.1.5/32 -d 10.244.1.5/32 -j MASQUERADE --random-fully"]);
    expect(chains["WEIR-POSTROUTING"]).toEqual([
      "-m mark --mark 0x4000/0x4000 -g WEIR-MASQUERADE",
      "-m conntrack --ctstate DNAT -j WEIR-HAIRPIN",
    ]);
  });
});

describe("the whole", () => {
  it("leaves out a family without frontends", () => {
    const { program } = iptablesBackend.lower(testIr({ frontends: [vip()] }));
    expect(program.ipv4).not.toBeNull();
    expect(program.ipv6).toBeNull();
  });

  it("says what each chain and list serves", () => {
    const { program } = iptablesBackend.lower(testIr({ frontends: [vip({ affinitySeconds: 5 })] }));
    const keys = new Map(
      iptablesBackend.names(program).map(({ name, key }) => [name.replace(/-[a-z2-7]{8}$/, ""), key]),
    );
    expect(keys.get("WEIR-SVC-shop-web-h")).toBe("shop/web:http");
    expect(keys.get("weir-shop-web-http-cluster-10-96-0-10-tcp-80-10-244-1-5-8080")).toBe("shop/web:http");
    expect(keys.get("WEIR-REJECT")).toBeNull();
  });

  it("names the kernel modules that its rules need", () => {
    const ir = testIr({ frontends: [frontend("[fd00::a]:80", { protocol: "sctp", routes: anyRoute([], true) })] });
    const names = iptablesBackend.requirements(iptablesBackend.lower(ir).program).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["ip6tables-restore", "xt_sctp", "ip6t_REJECT"]));
    expect(names).not.toContain("xt_recent");
    expect(names).not.toContain("iptables-restore");
  });
});
