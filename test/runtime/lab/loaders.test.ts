import { describe, expect, it } from "vitest";
import { checkOnly, failureOf, loaderNames, loadSteps, toolsOf } from "../../../runtime/lab/loaders.ts";
import { installCommand, toolPath } from "../../../runtime/lab/tools.ts";

const paths = ["nftables/ruleset.nft", "iptables/ipv4.rules", "iptables/ipv6.rules", "iptables/jumps.json"];

describe("loading", () => {
  it.each([
    ["nftables", ["nft -f -"]],
    ["iptables-nft", ["iptables-nft-restore --noflush", "ip6tables-nft-restore --noflush"]],
    ["iptables-legacy", ["iptables-legacy-restore --noflush", "ip6tables-legacy-restore --noflush"]],
  ] as const)("by %s", (loader, commands) => {
    expect(loadSteps(loader, paths).map((step) => step.argv.join(" "))).toEqual(commands);
  });

  it("leaves out a family that has no file", () => {
    expect(loadSteps("iptables-nft", ["iptables/ipv6.rules"]).map((step) => step.file)).toEqual([
      "iptables/ipv6.rules",
    ]);
    expect(loadSteps("nftables", [])).toEqual([]);
  });

  it("can be asked of the tools without effect", () => {
    expect(
      loaderNames.flatMap((loader) => loadSteps(loader, paths).map(checkOnly)).map((step) => step.argv[1]),
    ).toEqual(["-c", ...Array(4).fill("--test")]);
  });

  it("says what a tool said when it failed", () => {
    expect(failureOf({ status: 0, stdout: "", stderr: "a warning" })).toBeNull();
    expect(failureOf({ status: 2, stdout: "", stderr: "line 3 failed\n" })).toBe("exit 2: line 3 failed");
  });
});

describe("tools", () => {
  it("are installed by one command that names each package once", () => {
    const tools = loaderNames.flatMap(toolsOf);
    expect(installCommand(tools).join(" ")).toBe("apt-get install --yes --no-install-recommends iptables nftables");
  });

  it("are looked for where ordinary users' search paths do not lead", () => {
    expect(toolPath("/usr/bin:/sbin")).toBe("/usr/bin:/sbin:/usr/sbin");
  });
});
