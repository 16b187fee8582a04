import { describe, expect, it } from "vitest";
import { enterFolder, memoryFolder, temporaryFolder, weir } from "../../support/command.ts";

const shop = "docs/examples/shop.weir";
const toWeb = ["tcp", "10.244.2.9", "10.96.0.10:80"];

describe("weir trace", () => {
  it("prints the object of the contract and nothing else", async () => {
    const { code, stdout, stderr } = await weir([
      "trace",
      shop,
      "--node",
      "worker-1",
      "--json",
      "--backend",
      "iptables",
      ...toWeb,
    ]);
    expect([code, stderr]).toEqual([0, ""]);
    const trace = JSON.parse(stdout);
    expect(Object.keys(trace)).toEqual(["backend", "verdict", "service", "endpoints", "masquerade", "path"]);
    expect(trace).toMatchObject({
      backend: "iptables",
      verdict: "endpoints",
      service: "shop/web:http",
      endpoints: [
        { address: "10.244.1.5", port: 8080, share: 0.75 },
        { address: "10.244.2.7", port: 8080, share: 0.25 },
      ],
      masquerade: false,
    });
    const lines = trace.path.map(({ source }: { readonly source: string | null }) => source);
    expect(new Set(lines)).toEqual(new Set([null, `${shop}:22`, `${shop}:23`, `${shop}:24`]));
    const translated = trace.path.find(({ rule }: { readonly rule: string }) =>
      rule.endsWith("--to-destination 10.244.2.7:8080"),
    );
    expect(translated.source).toBe(`${shop}:24`);
  });

  it.each([
    [
      ["--backend", "all"],
      ["iptables", "ipvs", "nftables", "userspace"],
    ],
    [
      ["--backend", "ipvs,nftables"],
      ["ipvs", "nftables"],
    ],
  ])("prints an array for %j", async (options, backends) => {
    const { stdout } = await weir(["trace", shop, "--node", "worker-1", "--json", ...options, ...toWeb]);
    expect(JSON.parse(stdout).map(({ backend }: { readonly backend: string }) => backend)).toEqual(backends);
  });

  it("takes nftables, as apply does", async () => {
    const { stdout } = await weir(["trace", shop, "--node", "worker-1", "--json", ...toWeb]);
    expect(JSON.parse(stdout).backend).toBe("nftables");
  });

  it("takes a backend that can do what the spec says, and tells why another cannot", async () => {
    const folder = "fixtures/57-forward-direct/service.weir";
    const packet = ["tcp", "203.0.113.9", "198.51.100.7:80"];
    const chosen = await weir(["trace", folder, "--node", "worker-1", "--json", ...packet]);
    expect([chosen.code, JSON.parse(chosen.stdout).backend]).toEqual([0, "ipvs"]);
    const named = await weir(["trace", folder, "--node", "worker-1", "--backend", "nftables", ...packet]);
    expect([named.code, named.stdout]).toEqual([1, ""]);
    expect(named.stderr).toContain("error[lower/");
  });

  it.each([
    [
      ["tcp", "8.8.8.8", "203.0.113.80:80"],
      "is dropped: shop/web:http (docs/examples/shop.weir:22) admits 198.51.100.0/24 only",
    ],
    [["udp", "10.244.1.9", "10.96.0.10:80"], "is rejected: 10.96.0.10 is a VIP, and no service has port 80/udp there"],
    [
      ["tcp", "10.244.1.9", "10.96.7.7:80"],
      "is dropped: no service has 10.96.7.7, which is in the service range 10.96.0.0/16",
    ],
    [["sctp", "8.8.8.8", "9.9.9.9:9"], "is for no service: weir leaves it alone"],
    [["tcp", "192.0.2.11", "10.96.0.10:80"], "the node's address replaces the client's"],
    [["tcp", "10.244.1.5", "10.96.0.10:80"], "but where it is sent back to itself (hairpin)"],
  ])("says why: %j %s", async (packet, words) => {
    const { code, stdout } = await weir(["trace", shop, "--node", "worker-1", "--backend", "all", ...packet]);
    expect([code, stdout]).toEqual([0, expect.stringContaining(words)]);
  });

  it("shows where a client with affinity stays", async () => {
    const spec = "fixtures/38-affinity/service.weir";
    const ask = (after: string) =>
      weir([
        "trace",
        spec,
        "--node",
        "worker-1",
        "--backend",
        "all",
        "--json",
        "--after",
        after,
        "tcp",
        "10.244.1.77",
        "10.96.0.10:80",
      ]);
    const { code, stdout } = await ask("10.244.2.7:8080");
    expect(code).toBe(0);
    for (const { endpoints } of JSON.parse(stdout)) {
      expect(endpoints).toEqual([{ address: "10.244.2.7", port: 8080, share: 1 }]);
    }
    expect((await ask("10.244.9.9:8080")).code).toBe(64);
  });

  it("allows a node that nothing describes, with a note", async () => {
    const { code, stderr } = await weir(["trace", shop, "--node", "edge", ...toWeb]);
    expect([code, stderr]).toEqual([0, expect.stringContaining("note[spec/undescribed-node]")]);
    const { stdout } = await weir([
      "trace",
      shop,
      "--node",
      "edge",
      "--node-address",
      "192.0.2.9",
      "tcp",
      "192.0.2.9",
      "10.96.0.10:80",
    ]);
    expect(stdout).toContain("on edge, from the node itself");
  });

  it("gives every place that a rule is for: all endpoints of a pool, as far as one reads them", async () => {
    const { stdout } = await weir(["trace", shop, "--json", "--node", "worker-1", "--backend", "nftables", ...toWeb]);
    const { path }: { path: readonly { readonly rule: string; readonly source: string | null }[] } = JSON.parse(stdout);
    expect(path.find(({ rule }) => rule.includes("map @pool"))?.source).toBe(`${shop}:23, 24`);
    expect(path.find(({ rule }) => rule.includes("numgen"))?.source).toBeNull();
    const endpoints = Array.from({ length: 7 }, (_, at) => `  endpoint 10.0.0.${at + 1}\n`).join("");
    enterFolder({ "a.weir": `service a/b {\n  vip 10.96.0.10\n  port tcp 80\n${endpoints}}\n` });
    const many = await weir(["trace", "a.weir", "--node", "n", "--backend", "nftables", ...toWeb]);
    expect(many.stdout).toContain("  a.weir:4, 5, 6, 7 and 3 more  ip weir translate ");
  });

  it("knows of a compiled folder which addresses are the node's", async () => {
    const folder = `${memoryFolder()}/build`;
    await weir(["compile", shop, "--all-nodes", "-o", folder]);
    const ask = (...words: readonly string[]) =>
      weir(["trace", ...words, "--json", "--backend", "nftables", "tcp", "192.0.2.11", "10.96.0.10:80"]);
    const [own, spec] = [await ask(`${folder}/worker-1`), await ask(shop, "--node", "worker-1")];
    expect([own.code, own.stderr]).toEqual([0, ""]);
    const rules = ({ stdout }: typeof own) => JSON.parse(stdout).path.map(({ rule }: { rule: string }) => rule);
    expect(rules(own)).toEqual(rules(spec));
    expect(rules(own)[0]).toContain("output");
    expect(rules(await ask(`${folder}/worker-2`))[0]).toContain("prerouting");
    expect(rules(await ask(`${folder}/worker-1`, "--node-address", "192.0.2.12"))[0]).toContain("prerouting");
    await weir(["compile", shop, "--node", "edge", "-o", folder]);
    const unknown = await weir(["trace", `${folder}/edge`, ...toWeb]);
    expect(unknown.stderr).toContain("tells no address of the node: give them with --node-address");
  });

  it("reads compiled folders, and refuses one that was changed", async () => {
    const folder = `${memoryFolder()}/build`;
    await weir(["compile", shop, "--all-nodes", "-o", folder]);
    const { code, stdout } = await weir(["trace", `${folder}/worker-1`, "--json", "--backend", "all", ...toWeb]);
    expect(code).toBe(0);
    for (const { service, path } of JSON.parse(stdout)) {
      expect(service).toBe("shop/web:http");
      const lines = path.map(({ source }: { readonly source: string | null }) => source);
      expect(lines).toContain("shop.weir: service shop/web");
    }
    expect((await weir(["trace", folder, ...toWeb])).code).toBe(64);
    expect((await weir(["trace", folder, "--node", "worker-9", ...toWeb])).code).toBe(2);
    const { writeFileSync } = await import("node:fs");
    writeFileSync(`${folder}/worker-1/nftables/ruleset.nft`, "table ip weir {\n}\n");
    expect((await weir(["trace", `${folder}/worker-1`, ...toWeb])).code).toBe(2);
  });

  it("refuses a spec with errors", async () => {
    const { code, stdout } = await weir(["trace", "docs/examples/broken.weir", "--node", "worker-1", ...toWeb]);
    expect([code, stdout]).toEqual([1, ""]);
  });

  it("shows no control characters of the spec", async () => {
    const folder = temporaryFolder({
      "a\u001b[2J.weir": 'service "a\u009bb/c" {\n  vip 10.96.0.10\n  port tcp 80\n  endpoint 10.0.0.1\n}\n',
    });
    const { stdout, stderr } = await weir(["trace", folder, "--node", "n", "--backend", "all", ...toWeb]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });
});

describe("wrong packets", () => {
  it.each([
    [["tcp", "10.244.2.9", "web:80"], "is a name: give its address"],
    [["tcp", "client", "10.96.0.10:80"], "is a name: give its address"],
    [["tcp", "10.244.2.9", "10.96.0.10"], "has no port: write 10.96.0.10:80"],
    [["tcp", "fd00::1", "fd00::10"], "has no port: write [fd00::10]:80"],
    [["tcp", "10.244.2.9", "[fd00::10]:80"], "are of different families"],
    [["tpc", "10.244.2.9", "10.96.0.10:80"], "did you mean `tcp`?"],
    [["icmp", "10.244.2.9", "10.96.0.10:80"], "is not a protocol"],
    [["udp", "10.244.2.9", "224.0.0.1:80"], "is a multicast address"],
    [["udp", "fd00::1", "[ff02::1]:80"], "is a multicast address"],
    [["tcp", "0.0.0.0", "10.96.0.10:80"], "is no host's address"],
    [["tcp", "10.244.2.9", "10.96.0.10:0"], "is not a port"],
    [["10.244.2.9", "10.96.0.10:80"], "needs PATH..., and a packet"],
  ])("%j end with 64 and say what to write", async (packet, words) => {
    const { code, stdout, stderr } = await weir(
      ["trace", shop, "--node", "worker-1", ...packet].filter((_, at) => packet.length === 3 || at !== 1),
    );
    expect([code, stdout]).toEqual([64, ""]);
    expect(stderr).toContain(words);
  });

  it("a node must be named", async () => {
    const { code, stderr } = await weir(["trace", shop, ...toWeb]);
    expect([code, stderr]).toEqual([64, "error: name one node with --node NAME: worker-1, worker-2\n"]);
  });
});
