import { describe, expect, it } from "vitest";
import { chooseFlavour, type FlavourReport, listRules, reportFlavours } from "../../../runtime/host/flavour.ts";
import type { Host } from "../../../runtime/host/host.ts";

interface FakeNode {
  readonly tools: readonly string[];
  readonly version?: string;
  readonly files?: Readonly<Record<string, string>>;
  /** Standard output of a listing; an Error is standard error. */
  readonly listings?: Readonly<Record<string, string | Error>>;
}

function nodeWith({ tools, version = "iptables v1.8.9 (nf_tables)", files = {}, listings = {} }: FakeNode) {
  const ran: string[] = [];
  const host: Host = {
    find: async (tool) => (tools.includes(tool) ? `/usr/sbin/${tool}` : null),
    read: async (path) => files[path] ?? null,
    write: async () => {},
    run: async ({ argv: [tool = ""] }) => {
      ran.push(tool);
      const said = tool === "iptables" ? version : (listings[tool] ?? "");
      return said instanceof Error
        ? { status: 4, stdout: "", stderr: said.message }
        : { status: 0, stdout: said, stderr: "" };
    },
  };
  return { host, ran };
}

const debian = ["iptables", "ip6tables"].flatMap((name) => [
  name,
  ...["nft", "legacy"].flatMap((flavour) => [`${name}-${flavour}-save`, `${name}-${flavour}-restore`]),
]);

function report(given: {
  readonly own?: readonly string[];
  readonly others?: readonly string[];
  readonly installed?: readonly string[];
  readonly system?: "nft" | "legacy" | null;
}): FlavourReport {
  return {
    system: given.system === undefined ? "nft" : given.system,
    warnings: [],
    uses: (["nft", "legacy"] as const).map((flavour) => ({
      flavour,
      isInstalled: given.installed?.includes(flavour) ?? true,
      hasOwn: given.own?.includes(flavour) ?? false,
      hasOthers: given.others?.includes(flavour) ?? false,
    })),
  };
}

describe("which flavour of iptables is used", () => {
  it.each([
    ["the one asked for", report({ own: ["nft"] }), "legacy", "legacy"],
    ["where weir's rules are", report({ own: ["legacy"], others: ["nft"] }), null, "legacy"],
    ["in both: where others' rules are", report({ own: ["nft", "legacy"], others: ["legacy"] }), null, "legacy"],
    ["where others' rules are", report({ others: ["legacy"] }), null, "legacy"],
    ["what the plain command is", report({ others: ["nft", "legacy"], system: "legacy" }), null, "legacy"],
    ["the one installed", report({ system: null, installed: ["legacy"] }), null, "legacy"],
    ["never one that is not installed", report({ others: ["legacy"], installed: ["nft"] }), null, "nft"],
    ["nor one that the kernel lacks", report({ system: "nft", installed: ["legacy"] }), null, "legacy"],
  ] as const)("%s", (_, given, wanted, expected) => {
    expect(chooseFlavour(given, wanted)).toBe(expected);
  });

  it("says what to install when there is none, or not the one asked for", () => {
    const missing = expect.objectContaining({ trouble: "tool-missing", help: "install it: apt-get install iptables" });
    expect(() => chooseFlavour(report({ installed: [] }), null)).toThrow(missing);
    expect(() => chooseFlavour(report({ installed: ["nft"] }), "legacy")).toThrow(missing);
  });
});

describe("listing the rules of a node", () => {
  it("asks the legacy flavour only where /proc names tables of it", async () => {
    const { host, ran } = nodeWith({ tools: debian, files: { "/proc/net/ip6_tables_names": "nat\n" } });
    const listings = await listRules(host);
    expect(ran).toEqual(["iptables-nft-save", "ip6tables-nft-save", "ip6tables-legacy-save"]);
    expect(listings.map(({ flavour, family }) => `${flavour} ${family}`)).toEqual([
      "nft ipv4",
      "nft ipv6",
      "legacy ipv6",
    ]);
  });

  it("takes a kernel without nf_tables or IPv6 for one without rules, and other failures as they are", async () => {
    const refusal = new Error("iptables-nft-save v1.8.9 (nf_tables): Failed to initialize nft: Protocol not supported");
    const lacking = nodeWith({
      tools: debian,
      listings: { "iptables-nft-save": refusal, "ip6tables-nft-save": refusal },
    });
    const listings = await listRules(lacking.host);
    expect(listings.map(({ text, isSupported }) => [text, isSupported])).toEqual([["", false]]);
    const found = await reportFlavours(lacking.host, listings, () => ({ hasOwn: false, hasOthers: false }));
    expect(chooseFlavour(found, null)).toBe("legacy");
    const denied = new Error(
      "iptables-nft-save v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied",
    );
    await expect(
      listRules(nodeWith({ tools: debian, listings: { "iptables-nft-save": denied } }).host),
    ).rejects.toMatchObject({
      trouble: "permission",
      help: "this needs root, or CAP_NET_ADMIN",
    });
    const other = new Error("iptables-nft-save: out of memory");
    await expect(
      listRules(nodeWith({ tools: debian, listings: { "iptables-nft-save": other } }).host),
    ).rejects.toMatchObject({
      trouble: "refused",
      message: expect.stringContaining("out of memory"),
    });
  });

  it("uses plain names where there are no others, if they are of the flavour", async () => {
    const plain = ["iptables", "iptables-save", "iptables-restore", "ip6tables-save", "ip6tables-restore"];
    const old = nodeWith({
      tools: plain,
      version: "iptables v1.6.1",
      files: { "/proc/net/ip_tables_names": "filter\n" },
      listings: { "iptables-save": "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n" },
    });
    expect((await listRules(old.host)).map(({ flavour, family }) => `${flavour} ${family}`)).toEqual(["legacy ipv4"]);
    const nft = nodeWith({ tools: plain });
    expect((await listRules(nft.host)).map(({ flavour, family }) => `${flavour} ${family}`)).toEqual([
      "nft ipv4",
      "nft ipv6",
    ]);
  });

  it("warns of tables in both flavours, and of some that it cannot list", async () => {
    const both = nodeWith({ tools: debian, files: { "/proc/net/ip_tables_names": "filter\n" } });
    const found = await reportFlavours(both.host, await listRules(both.host), () => ({
      hasOwn: false,
      hasOthers: true,
    }));
    expect(found.warnings).toEqual([
      "rules of iptables-legacy are present beside rules of iptables-nft: packets meet both",
    ]);
    const hidden = nodeWith({
      tools: debian.filter((tool) => !tool.includes("legacy")),
      files: { "/proc/net/ip_tables_names": "filter\n" },
    });
    const seen = await reportFlavours(hidden.host, await listRules(hidden.host), () => ({
      hasOwn: false,
      hasOthers: false,
    }));
    expect(seen.warnings).toEqual([
      "tables of iptables-legacy are present, and the tool to list them is not installed",
    ]);
  });

  it("notices tables that the tool lists in part, or not at all", async () => {
    const { host } = nodeWith({
      tools: debian,
      listings: {
        "iptables-nft-save": "# Table `nat' is incompatible, use 'nft' tool.\n",
        "ip6tables-nft-save":
          "# Table `nat' contains incompatible base-chains, use 'nft' tool to list them.\n*nat\nCOMMIT\n",
      },
    });
    expect((await listRules(host)).map(({ unreadable, hasHidden }) => ({ unreadable, hasHidden }))).toEqual([
      { unreadable: ["nat"], hasHidden: true },
      { unreadable: [], hasHidden: true },
    ]);
  });
});
