import { describe, expect, it } from "vitest";
import { nftablesBackend } from "../../../../compiler/backends/nftables/backend.ts";
import { ParseError, textOf } from "../../../../compiler/backends/text.ts";
import { anyRoute, frontend, testIr } from "../../../support/ir.ts";

const path = "nftables/ruleset.nft";

function printed(): string {
  const ir = testIr({
    serviceRanges: ["10.96.0.0/12"],
    frontends: [
      frontend("10.96.0.10:80", { affinitySeconds: 60, routes: anyRoute(["10.244.1.5:80", "10.244.2.7:80"], true) }),
      frontend("10.96.0.11:80", { key: "shop/plain", routes: anyRoute(["10.244.1.5:80 x3"]) }),
    ],
  });
  const [file] = nftablesBackend.print(nftablesBackend.lower(ir).program);
  return file === undefined ? "" : textOf(file);
}

describe("a ruleset that nft would not load, or that would never find what it looks for", () => {
  it.each([
    { what: "a map that is not declared", from: /^\tmap affinity .*\n/m, to: "", says: "no set or map affinity" },
    { what: "a chain that is not there", from: "jump services", to: "jump service", says: "no chain service" },
    { what: "a jump to a base chain", from: "jump services", to: "jump output", says: "base chain output" },
    {
      what: "a key of other parts",
      from: "daddr . meta l4proto . th dport vmap @",
      to: "daddr vmap @",
      says: "the key",
    },
    { what: "a key of the other family", from: "ipv4_addr . inet", to: "ipv6_addr . inet", says: "ipv6_addr" },
    { what: "data of another type", from: ": classid; flags", to: ": inet_service; flags", says: "the data" },
    { what: "a map that packets cannot fill", from: " flags dynamic,timeout; size 262144;", to: "", says: "is a map" },
    { what: "a map where a set is meant", from: "@service-ranges", to: "@pool", says: "pool is a map" },
    { what: "translation in the wrong place", from: "priority dstnat", to: "priority srcnat", says: "priority 100" },
    { what: "a field of the other family", from: "ip daddr .", to: "ip6 daddr .", says: "unexpected ip6" },
    { what: "an address of the other family", from: "10.96.0.11 .", to: "fd00::1 .", says: "not of the family ip" },
    { what: "an element twice", from: /^(\t+10\.96\.0\.10,\n)/m, to: "$1$1", says: "vips has an element twice" },
    { what: "a slot of two endpoints", from: "5700:1", to: "5700:0", says: "has an element twice" },
    { what: "a chain twice", from: /^(\tchain refuse .*\n)/m, to: "$1$1", says: "refuse is declared twice" },
    { what: "rules that would be added to others", from: "delete table ip weir\n", to: "", says: "are not replaced" },
  ])("is refused: $what", ({ from, to, says }) => {
    const good = printed();
    const bad = good.replace(from, to);
    expect(bad).not.toBe(good);
    const parse = () => nftablesBackend.parse(new Map([[path, bad]]));
    expect(parse).toThrow(ParseError);
    expect(parse).toThrow(says);
  });

  it("is not what is printed", () => {
    expect(nftablesBackend.parse(new Map([[path, printed()]])).tables).toHaveLength(1);
  });
});
