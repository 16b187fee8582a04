import { describe, expect, it } from "vitest";
import { ipvsBackend } from "../../../../compiler/backends/ipvs/backend.ts";
import { ParseError, textOf } from "../../../../compiler/backends/text.ts";
import { anyRoute, frontend, testIr } from "../../../support/ir.ts";

function filesOf(): ReadonlyMap<string, string> {
  const ir = testIr({ frontends: [frontend("10.96.0.10:80", { routes: anyRoute(["10.244.1.5:80"]) })] });
  return new Map(ipvsBackend.print(ipvsBackend.lower(ir).program).map((file) => [file.path, textOf(file)]));
}

describe("files that do not hang together", () => {
  const [sets, rules] = ["ipvs/ipset.rules", "ipvs/ipv4.rules"];
  it.each([
    { path: sets, from: "weir-allowed hash:ip,port,net", to: "weir-allowed hash:ip,port,ip", says: "its name says" },
    {
      path: sets,
      from: "weir-ranges hash:net family inet ",
      to: "weir-ranges hash:net family inet6 ",
      says: "its name",
    },
    { path: sets, from: /create weir-frontends-node .*\n/, to: "", says: "no set weir-frontends-node" },
    { path: sets, from: /(create weir-frontends-node .*) skbinfo/, to: "$1", says: "has marks, or has none" },
    { path: rules, from: "weir-vips dst", to: "weir-frontends dst", says: "asked for dst" },
    { path: rules, from: "weir-allowed dst,dst,src", to: "weir-allowed dst,src,src", says: "a client's port" },
    { path: "ipvs/addresses.txt", from: /(local-route .*\n)/, to: "$1$1", says: "stands twice" },
    { path: "ipvs/sysctl.conf", from: "net.ipv4.vs.conntrack = 1\n", to: "", says: "vs.conntrack is missing" },
    { path: "ipvs/sysctl.conf", from: "net.ipv4.ip_forward = 1\n", to: "", says: "ip_forward is missing" },
    { path: "ipvs/sysctl.conf", from: /(net.ipv4.ip_forward.*\n)/, to: "$1$1", says: "stands twice" },
    { path: sets, from: /(add weir-vips .*\n)/, to: "$1$1", says: "has an element twice" },
    { path: rules, from: "-I INPUT -j WEIR", to: "-I INPUT -g WEIR", says: "no jump of weir's" },
    { path: "ipvs/ipvs.json", from: /^\[\n/, to: "", says: "not one JSON array" },
  ])("are refused: $says", ({ path, from, to, says }) => {
    const files = filesOf();
    const good = files.get(path) ?? "";
    const bad = good.replace(from, to);
    expect(bad).not.toBe(good);
    const parse = () => ipvsBackend.parse(new Map([...files, [path, bad]]));
    expect(parse).toThrow(ParseError);
    expect(parse).toThrow(says);
  });
});
