import { describe, expect, it } from "vitest";
import { parseIptables, parseRuleset } from "../../../../compiler/backends/iptables/parse.ts";
import { printIptables, printRule, printRuleset } from "../../../../compiler/backends/iptables/print.ts";
import type { IptablesMatch, IptablesRuleset, IptablesTarget } from "../../../../compiler/backends/iptables/program.ts";
import { ParseError, textOf } from "../../../../compiler/backends/text.ts";
import { InternalError } from "../../../../compiler/result.ts";
import { address, prefix } from "../../../support/net.ts";

const tcp = { kind: "protocol", protocol: "tcp", negated: false } as const;
const ipvsNone = { protocol: null, address: null, port: null, direction: null, method: null };

const matches: readonly { readonly name: string; readonly match: IptablesMatch; readonly text: string }[] = [
  {
    name: "source",
    match: { kind: "source", prefix: prefix("10.244.0.0/16"), negated: true },
    text: " ! -s 10.244.0.0/16",
  },
  {
    name: "destination",
    match: { kind: "destination", prefix: prefix("10.96.0.10"), negated: false },
    text: " -d 10.96.0.10/32",
  },
  { name: "input", match: { kind: "input-interface", name: "veth+", negated: false }, text: " -i veth+" },
  { name: "output", match: { kind: "output-interface", name: "eth0", negated: true }, text: " ! -o eth0" },
  { name: "protocol", match: { kind: "protocol", protocol: "icmp", negated: true }, text: " ! -p icmp" },
  {
    name: "source port",
    match: { kind: "source-port", protocol: "udp", ports: { first: 1, last: 9 }, negated: false },
    text: " -m udp --sport 1:9",
  },
  {
    name: "destination port",
    match: { kind: "destination-port", protocol: "sctp", ports: { first: 80, last: 80 }, negated: true },
    text: " -m sctp ! --dport 80",
  },
  {
    name: "comment",
    match: { kind: "comment", text: `shop/web:http "a\\b" it's` },
    text: ` -m comment --comment "shop/web:http \\"a\\\\b\\" it\\'s"`,
  },
  {
    name: "mark of the connection",
    match: { kind: "ct-mark", value: 0x4000, mask: 0x4000, negated: false },
    text: " -m connmark --mark 0x4000/0x4000",
  },
  {
    name: "mark",
    match: { kind: "mark", value: 0x4000, mask: 0x4000, negated: true },
    text: " -m mark ! --mark 0x4000/0x4000",
  },
  {
    name: "address type",
    match: { kind: "address-type", side: "destination", type: "LOCAL", negated: false },
    text: " -m addrtype --dst-type LOCAL",
  },
  {
    name: "state",
    match: { kind: "ct-state", states: ["NEW", "DNAT"], negated: false },
    text: " -m conntrack --ctstate NEW,DNAT",
  },
  {
    name: "status",
    match: { kind: "ct-status", statuses: ["ASSURED"], negated: true },
    text: " -m conntrack ! --ctstatus ASSURED",
  },
  { name: "direction", match: { kind: "ct-direction", direction: "REPLY" }, text: " -m conntrack --ctdir REPLY" },
  {
    name: "original destination",
    match: { kind: "ct-original-destination", prefix: prefix("10.96.0.0/12"), negated: true },
    text: " -m conntrack ! --ctorigdst 10.96.0.0/12",
  },
  {
    name: "original port",
    match: { kind: "ct-original-port", port: 443, negated: false },
    text: " -m conntrack --ctorigdstport 443",
  },
  {
    name: "statistic",
    match: { kind: "statistic", threshold: 715827883 },
    text: " -m statistic --mode random --probability 0.33333333349",
  },
  {
    name: "recent",
    match: { kind: "recent", action: "update", list: "weir-a", seconds: 60, reap: true, mask: address("255.255.0.0") },
    text: " -m recent --update --seconds 60 --reap --name weir-a --mask 255.255.0.0 --rsource",
  },
  {
    name: "set",
    match: { kind: "set", name: "weir-vips", directions: ["dst", "dst", "src"], negated: true },
    text: " -m set ! --match-set weir-vips dst,dst,src",
  },
  { name: "no ipvs", match: { kind: "ipvs", negated: true, ...ipvsNone }, text: " -m ipvs ! --ipvs" },
  {
    name: "ipvs",
    match: {
      kind: "ipvs",
      negated: false,
      protocol: "tcp",
      address: address("10.96.0.10"),
      port: 80,
      direction: "ORIGINAL",
      method: "MASQ",
    },
    text: " -m ipvs --vproto tcp --vaddr 10.96.0.10 --vport 80 --vdir ORIGINAL --vmethod MASQ",
  },
];

const targets: readonly { readonly name: string; readonly target: IptablesTarget; readonly text: string }[] = [
  { name: "accept", target: { kind: "accept" }, text: " -j ACCEPT" },
  { name: "drop", target: { kind: "drop" }, text: " -j DROP" },
  { name: "return", target: { kind: "return" }, text: " -j RETURN" },
  {
    name: "reject",
    target: { kind: "reject", with: "icmp-port-unreachable" },
    text: " -j REJECT --reject-with icmp-port-unreachable",
  },
  {
    name: "dnat",
    target: { kind: "dnat", address: address("10.244.1.5"), port: 8080 },
    text: " -j DNAT --to-destination 10.244.1.5:8080",
  },
  { name: "redirect", target: { kind: "redirect", port: 40000 }, text: " -j REDIRECT --to-ports 40000" },
  {
    name: "masquerade",
    target: { kind: "masquerade", fullyRandom: true },
    text: " -j MASQUERADE --random-fully",
  },
  { name: "plain masquerade", target: { kind: "masquerade", fullyRandom: false }, text: " -j MASQUERADE" },
  { name: "mark", target: { kind: "mark", value: 0, mask: 0x4000 }, text: " -j MARK --set-xmark 0x0/0x4000" },
  {
    name: "mark of the connection",
    target: { kind: "ct-mark", value: 0x4000, mask: 0x4000 },
    text: " -j CONNMARK --set-xmark 0x4000/0x4000",
  },
  {
    name: "mark from a set",
    target: { kind: "map-set", name: "weir-frontends", directions: ["dst", "dst"] },
    text: " -j SET --map-set weir-frontends dst,dst --map-mark",
  },
  { name: "jump", target: { kind: "jump", chain: "WEIR-MARK" }, text: " -j WEIR-MARK" },
  { name: "goto", target: { kind: "goto", chain: "WEIR-REJECT" }, text: " -g WEIR-REJECT" },
];

function rulesetWith(ruleset: Partial<IptablesRuleset>): IptablesRuleset {
  return { family: "ipv4", tables: [], jumps: [], ...ruleset };
}

function printed(ruleset: IptablesRuleset): string {
  return textOf(printRuleset("ipv4.rules", ruleset));
}

describe("rules", () => {
  it.each(matches)("prints and parses the match $name", ({ match, text }) => {
    const rule = { matches: [match], target: { kind: "accept" } } as const;
    expect(printRule(rule)).toBe(`${text} -j ACCEPT`);
    const ruleset = rulesetWith({ tables: [{ name: "filter", chains: [{ name: "WEIR-A", rules: [rule] }] }] });
    expect(parseRuleset("ipv4", printed(ruleset))).toEqual(ruleset);
  });

  it.each(targets)("prints and parses the target $name", ({ target, text }) => {
    const rule = { matches: [tcp], target };
    expect(printRule(rule)).toBe(` -p tcp${text}`);
    const ruleset = rulesetWith({ tables: [{ name: "nat", chains: [{ name: "WEIR-A", rules: [rule] }] }] });
    expect(parseRuleset("ipv4", printed(ruleset))).toEqual(ruleset);
  });

  it("prints a probability as C prints it, halves to even", () => {
    const probability = (threshold: number) =>
      printRule({ matches: [{ kind: "statistic", threshold }], target: { kind: "accept" } }).split(" ")[6];
    expect(probability(2 ** 30)).toBe("0.50000000000");
    // 2^19 / 2^31 is 0.000244140625 and 3 * 2^19 / 2^31 is 0.000732421875: both halfway between 11-digit decimals.
    expect(probability(2 ** 19)).toBe("0.00024414062");
    expect(probability(3 * 2 ** 19)).toBe("0.00073242188");
    expect(() => probability(2 ** 31)).toThrow(InternalError);
  });

  it.each(["a\nb", "-t", "", "a\u0000"])("refuses the comment %j", (text) => {
    expect(() => printRule({ matches: [{ kind: "comment", text }], target: { kind: "accept" } })).toThrow(
      InternalError,
    );
  });
});

describe("rulesets", () => {
  const ruleset = rulesetWith({
    tables: [
      { name: "filter", chains: [{ name: "WEIR-VERDICTS", rules: [] }] },
      {
        name: "nat",
        chains: [
          { name: "WEIR-A", rules: [] },
          { name: "WEIR-B", rules: [] },
        ],
      },
    ],
    jumps: [
      { table: "filter", chain: "INPUT", target: "WEIR-VERDICTS", position: "first" },
      { table: "nat", chain: "PREROUTING", target: "WEIR-A", position: "first" },
      { table: "nat", chain: "PREROUTING", target: "WEIR-B", position: "first" },
      { table: "nat", chain: "OUTPUT", target: "WEIR-B", position: "last" },
    ],
  });
  const program = { ipv4: ruleset, ipv6: null };
  const files = () => new Map(printIptables("iptables", program).map((file) => [file.path, textOf(file)]));

  it("prints files that are parsed back", () => {
    expect([...files().keys()]).toEqual(["iptables/ipv4.rules", "iptables/jumps.json"]);
    expect(parseIptables("iptables", files())).toEqual(program);
    expect(JSON.parse(files().get("iptables/jumps.json") ?? "")).toHaveLength(4);
  });

  it("inserts the jumps so that they stand in the order of the program", () => {
    expect(files().get("iptables/ipv4.rules")).toContain(
      "-I PREROUTING -j WEIR-B\n-I PREROUTING -j WEIR-A\n-A OUTPUT -j WEIR-B\n",
    );
  });

  it("refuses a list of jumps that differs from the rule files", () => {
    const changed = files().set("iptables/jumps.json", "[]\n");
    expect(() => parseIptables("iptables", changed)).toThrow(ParseError);
  });

  it("refuses a chain that is declared twice, on both sides", () => {
    const twice = { name: "WEIR-A", rules: [] };
    expect(() => printed(rulesetWith({ tables: [{ name: "nat", chains: [twice, twice] }] }))).toThrow(InternalError);
    expect(() => parseRuleset("ipv4", "*nat\n:WEIR-A - [0:0]\n:WEIR-A - [0:0]\nCOMMIT\n")).toThrow("line 3");
  });

  it("reads a kernel's listing, without what other owners have there", () => {
    const listing = `# Generated by iptables-save
*nat
:PREROUTING ACCEPT [12:720]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:WEIR-A - [0:0]
[0:0] -A PREROUTING -j WEIR-A
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m owner --uid-owner 5 -j DOCKER
-A OUTPUT -j WEIR-A
-A DOCKER -i docker0 -j RETURN
[3:180] -A WEIR-A -p tcp -m comment --comment shop -m mark --mark 0x1 -j RETURN
COMMIT
# Completed
`;
    expect(parseRuleset("ipv4", listing)).toEqual({
      family: "ipv4",
      tables: [
        {
          name: "nat",
          chains: [
            {
              name: "WEIR-A",
              rules: [
                {
                  matches: [
                    tcp,
                    { kind: "comment", text: "shop" },
                    { kind: "mark", value: 1, mask: 0xffffffff, negated: false },
                  ],
                  target: { kind: "return" },
                },
              ],
            },
          ],
        },
      ],
      jumps: [
        { table: "nat", chain: "PREROUTING", target: "WEIR-A", position: "first" },
        { table: "nat", chain: "OUTPUT", target: "WEIR-A", position: "last" },
      ],
    });
  });

  it.each([
    ["-A WEIR-A -j RETURN\nCOMMIT", "not declared"],
    [":WEIR-A - [0:0]\n-A WEIR-A -m owner --uid-owner 5 -j RETURN\nCOMMIT", "unknown match owner"],
    [":WEIR-A - [0:0]\n-A WEIR-A -j RETURN extra\nCOMMIT", "after the target"],
    [":WEIR-A - [0:0]\n-A WEIR-A -s fd00::/8 -j RETURN\nCOMMIT", "is not ipv4"],
    [":WEIR-A - [0:0]\n-A WEIR-A -s 10.0.0.0/8\nCOMMIT", "ends too early"],
    [":WEIR-A - [0:0]\n-F WEIR-A\nCOMMIT", "unknown command -F"],
    [":WEIR-A - [0:0]", "no COMMIT"],
  ])("refuses %j", (text, reason) => {
    expect(() => parseRuleset("ipv4", `*nat\n${text}\n`)).toThrow(reason);
  });
});
