import { describe, expect, it } from "vitest";
import { parseRuleLine } from "../../../../compiler/backends/iptables/parse.ts";
import { sameRule } from "../../../../compiler/backends/iptables/same-rule.ts";

/** Each differs from its neighbours in one thing. */
const lines = [
  "-j DNAT --to-destination 10.244.1.5:80",
  "-j DNAT --to-destination 10.244.1.5:81",
  "-j DNAT --to-destination 10.244.1.6:80",
  "-p tcp -j DNAT --to-destination 10.244.1.5:80",
  "-p udp -j DNAT --to-destination 10.244.1.5:80",
  "! -p udp -j DNAT --to-destination 10.244.1.5:80",
  "-p tcp -m statistic --mode random --probability 0.50000000000 -j DNAT --to-destination 10.244.1.5:80",
  "-p tcp -m statistic --mode random --probability 0.25000000000 -j DNAT --to-destination 10.244.1.5:80",
  "-g WEIR-A",
  "-j WEIR-A",
  "-g WEIR-B",
  "-s 10.0.0.0/8 -g WEIR-A",
  "! -s 10.0.0.0/8 -g WEIR-A",
  "-s 10.0.0.0/9 -g WEIR-A",
  "-d 10.0.0.0/8 -g WEIR-A",
  '-d 10.0.0.0/8 -m comment --comment "a" -g WEIR-A',
  '-d 10.0.0.0/8 -m comment --comment "b" -g WEIR-A',
  "-p tcp -m tcp --dport 80 -g WEIR-A",
  "-p tcp -m tcp --dport 81 -g WEIR-A",
  "-p tcp -m tcp --sport 80 -g WEIR-A",
  "-m mark --mark 0x1/0x1 -j MARK --set-xmark 0x0/0x1",
  "-m mark --mark 0x2/0x2 -j MARK --set-xmark 0x0/0x1",
  "-m mark --mark 0x1/0x1 -j MARK --set-xmark 0x1/0x1",
  "-j RETURN",
  "-j ACCEPT",
];

describe("whether rules are the same", () => {
  it("is told by every part of them", () => {
    const read = () => lines.map((line) => parseRuleLine("ipv4", `-A WEIR-X ${line}`));
    const others = read();
    for (const [index, rule] of read().entries()) {
      const same = others.map((other) => sameRule(rule, other, new Map()));
      expect(same, lines[index]).toEqual(lines.map((_, at) => at === index));
    }
  });
});
