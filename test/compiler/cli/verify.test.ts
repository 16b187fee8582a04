import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../../compiler/artifact/digest.ts";
import { backendNames } from "../../../compiler/backends/registry.ts";
import { compileBackend, irOf } from "../../../compiler/pipeline.ts";
import { describeDifference } from "../../../compiler/verify/describe.ts";
import { verifyFiles } from "../../../compiler/verify/verify.ts";
import { enterFolder, weir } from "../../support/command.ts";
import { readText } from "../../support/random-specs.ts";

const text = `cluster { pods 10.244.0.0/16 }
node a { address 192.0.2.11 }
service shop/web {
  vip 10.96.0.10
  port http tcp 80 -> 8080
  endpoint 10.244.1.5
  endpoint 10.244.1.6
}
`
  .replace("cluster { pods 10.244.0.0/16 }", "cluster {\n  pods 10.244.0.0/16\n}")
  .replace("node a { address 192.0.2.11 }", "node a {\n  address 192.0.2.11\n}");

describe("weir verify", () => {
  it("tells how many classes it covered, for every backend", async () => {
    enterFolder({ "shop.weir": text });
    const { code, stdout } = await weir(["verify", "shop.weir"]);
    expect(code).toBe(0);
    expect(stdout.match(/^a (\w+): \d+ kinds of packets, no difference$/gm)).toHaveLength(4);
  });

  it("has the same for machines", async () => {
    enterFolder({ "shop.weir": text });
    const { code, stdout } = await weir(["verify", "--json", "--backend", "nftables", "shop.weir"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ results: [{ node: "a", backend: "nftables", differing: 0 }] });
  });

  it("exits 2 for a file that is not there", async () => {
    enterFolder();
    expect((await weir(["verify", "none.weir"])).code).toBe(2);
  });
});

describe("weir verify --compiled", () => {
  const built = async (more: readonly string[] = []) => {
    enterFolder({ "shop.weir": text });
    expect((await weir(["compile", "--all-nodes", "-o", "build", "shop.weir", ...more])).code).toBe(0);
  };

  it("holds the artifacts of a build against the spec", async () => {
    await built(["--backend", "nftables,ipvs"]);
    const { code, stdout } = await weir(["verify", "shop.weir", "--compiled", "build"]);
    expect(code).toBe(0);
    expect(stdout.match(/^a (ipvs|nftables): \d+ kinds of packets, no difference$/gm)).toHaveLength(2);
    expect((await weir(["verify", "shop.weir", "--compiled", "build/a", "--node", "a"])).code).toBe(0);
  });

  it("finds a rule that is not what the spec says, though the manifest fits it", async () => {
    await built(["--backend", "nftables"]);
    const path = "build/a/nftables/ruleset.nft";
    const [before, manifest] = [readFileSync(path, "utf8"), readFileSync("build/a/manifest.json", "utf8")];
    const wrong = before.replaceAll("10.244.1.6", "10.244.1.7");
    writeFileSync(path, wrong);
    const digest = (content: string) => digestOf([Buffer.from(content)]);
    writeFileSync("build/a/manifest.json", manifest.replace(digest(before), digest(wrong)));
    const { code, stdout } = await weir(["verify", "shop.weir", "--compiled", "build"]);
    expect(code).toBe(1);
    expect(stdout).toContain("10.244.1.7:8080");
  });

  const others: readonly (readonly [string, readonly string[], number, string])[] = [
    ["a compiled folder alone", ["build"], 64, "weir verify SPEC --compiled build holds it against the spec"],
    ["a folder that is none", ["shop.weir", "--compiled", "."], 64, "this is no folder that weir compile wrote"],
    ["another spec", ["other.weir", "--compiled", "build"], 2, "was compiled from another spec"],
    ["a backend that it has not", ["shop.weir", "--compiled", "build", "--backend", "ipvs"], 64, "not for ipvs"],
    [
      "another address",
      ["shop.weir", "--compiled", "build", "--node", "a", "--node-address", "192.0.2.99"],
      2,
      "was compiled for a node with the addresses 192.0.2.11, not 192.0.2.99",
    ],
  ];

  it.each(others)("refuses %s", async (_, args, expected, words) => {
    await built(["--backend", "nftables"]);
    writeFileSync("other.weir", text.replace("10.244.1.6", "10.244.1.7"));
    const { code, stderr } = await weir(["verify", ...args]);
    expect(stderr).toContain(words);
    expect(code).toBe(expected);
  });
});

describe("weir compile --verify", () => {
  it("writes what has been verified", async () => {
    enterFolder({ "shop.weir": text });
    expect((await weir(["compile", "--verify", "--all-nodes", "-o", "build", "shop.weir"])).code).toBe(0);
    expect(readdirSync("build/a")).toContain("nftables");
  });
});

describe("rules that were tampered with", () => {
  it.each(backendNames)("%s: a changed endpoint is told with a packet and the rules that it met", async (backend) => {
    const { ir } = irOf(await readText(text), "a");
    const { files } = await compileBackend(ir, backend);
    const wrong = files.map((file) => ({
      ...file,
      chunks: file.chunks.map((one) => one.replaceAll("10.244.1.6", "10.244.1.7")),
    }));
    const { differing, differences } = await verifyFiles(ir, backend, wrong);
    expect(differing).toBeGreaterThan(0);
    const [first] = differences;
    if (first === undefined) throw new Error("there is no difference");
    const words = describeDifference(first);
    expect(words).toContain("-> 10.96.0.10:80");
    expect(words).toMatch(/expected: .*10\.244\.1\.6:8080/);
    expect(words).toMatch(/got: .*10\.244\.1\.7:8080/);
  });
});
