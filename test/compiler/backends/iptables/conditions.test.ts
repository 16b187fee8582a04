import { expect, it } from "vitest";
import type { Condition } from "../../../../compiler/backends/condition.ts";
import { iptablesConditions } from "../../../../compiler/backends/iptables/conditions.ts";
import { parseRuleset } from "../../../../compiler/backends/iptables/parse.ts";

/** Rules of chains that POSTROUTING leads to; what they ask of sources, as `source > destination`. */
function sources(rules: readonly string[]): readonly string[] {
  const chains = [...new Set(rules.map((line) => line.split(" ")[1]))].map((name) => `:${name} - [0:0]`);
  const text = ["*nat", ...chains, "-I POSTROUTING -j WEIR-A", ...rules, "COMMIT", ""].join("\n");
  const conditions = iptablesConditions({ ipv4: parseRuleset("ipv4", text), ipv6: null });
  const words = ({ source, destination }: Condition) => `${source?.text} > ${destination?.text ?? "any"}`;
  return [...new Set(conditions.filter(({ source }) => source !== null).map(words))];
}

const leaf = (chain: string, host: string) => `-A ${chain} -s ${host}/32 -d ${host}/32 -j MASQUERADE --random-fully`;

it("a source that leads to rules for some hosts is asked of packets to these", () => {
  expect(
    sources(["-A WEIR-A -s 10.0.0.0/28 -j WEIR-B", leaf("WEIR-A", "10.0.1.1"), leaf("WEIR-B", "10.0.0.1")]),
  ).toEqual(["10.0.0.0/28 > 10.0.0.1/32", "10.0.0.1/32 > 10.0.0.1/32", "10.0.1.1/32 > 10.0.1.1/32"]);
});

it("behind goto, of packets to the hosts of what it leaves out for this source too", () => {
  const rules = [leaf("WEIR-A", "10.0.0.2"), leaf("WEIR-A", "10.0.1.1"), leaf("WEIR-B", "10.0.0.1")];
  expect(sources(["-A WEIR-A -s 10.0.0.0/28 -g WEIR-B", ...rules])).toEqual([
    "10.0.0.0/28 > 10.0.0.1/32",
    "10.0.0.0/28 > 10.0.0.2/32",
    "10.0.0.1/32 > 10.0.0.1/32",
    "10.0.0.2/32 > 10.0.0.2/32",
    "10.0.1.1/32 > 10.0.1.1/32",
  ]);
});

it("of every packet, where a rule behind it does something for every destination", () => {
  const branch = "-A WEIR-A -s 10.0.0.0/28 -j WEIR-B";
  const others = [
    "-A WEIR-B -s 10.0.0.1/32 -j MASQUERADE --random-fully",
    "-A WEIR-B -d 10.0.0.0/24 -j MARK --set-xmark 0x4000/0x4000",
    "-A WEIR-B -m recent --set --name weir-a --mask 255.255.255.255 --rsource -j RETURN",
    "-A WEIR-B ! -d 10.0.0.1/32 -j ACCEPT",
  ];
  for (const other of others)
    expect(sources([branch, leaf("WEIR-B", "10.0.0.1"), other])).toContain("10.0.0.0/28 > any");
});
