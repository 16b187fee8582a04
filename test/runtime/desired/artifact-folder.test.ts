import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { contextOf } from "../../../compiler/cli/context.ts";
import type { Io } from "../../../compiler/cli/io.ts";
import { type DesiredOptions, loadDesired } from "../../../runtime/cli/desired.ts";
import { chosenNode } from "../../../runtime/desired/node.ts";
import { temporaryFolder, weir } from "../../support/command.ts";

const spec = `node worker-1 {
  address 192.0.2.11
}
node worker-2 {
  address 192.0.2.12
}
service shop/web {
  vip 10.96.0.10
  port http tcp 80 -> 8080
  endpoint 10.244.1.5 on worker-1
}
`;

const silent = { isTerminal: false, write: async () => {} };
const io: Io = { stdout: silent, stderr: silent, readStdin: async () => Buffer.from(spec), environment: {} };
const context = contextOf(io, {});

function load(path: string, options: DesiredOptions = {}, backend: "nftables" | "ipvs" = "nftables") {
  return loadDesired(context, [path], options, () => backend);
}

async function build(backends = "nftables,iptables"): Promise<string> {
  const folder = temporaryFolder({ "shop.weir": spec });
  const args = [
    "compile",
    join(folder, "shop.weir"),
    "--all-nodes",
    "--backend",
    backends,
    "-o",
    join(folder, "build"),
  ];
  expect(await weir(args)).toMatchObject({ code: 0 });
  return join(folder, "build");
}

describe("what a node is to have", () => {
  it("is the same from a node's folder, from a build, and from the spec", async () => {
    const folder = await build();
    const options = { node: ["worker-1"] };
    const loaded = [
      await load(join(folder, "worker-1")),
      await load(folder, options),
      await load(join(folder, "../shop.weir"), options),
      await load("-", options),
    ];
    const [first, ...others] = loaded.map(({ desired }) => desired);
    expect(first).toMatchObject({ node: "worker-1", backend: "nftables" });
    expect([...(first?.files.keys() ?? [])]).toEqual(["nftables/ruleset.nft"]);
    expect(Object.keys(first?.manifest.files ?? {})).toEqual(["nftables/ruleset.nft", "sources.json"]);
    for (const other of others) {
      expect(other?.files).toEqual(first?.files);
      expect(other?.manifest.spec).toBe(first?.manifest.spec);
    }
  });

  it("is read from a folder of specs, with all that lies in it", async () => {
    const folder = temporaryFolder({ "shop/shop.weir": spec, "shop/README.md": "# Shop\n", "shop/more/none.weir": "" });
    const { desired } = await load(join(folder, "shop"), { node: ["worker-1"] });
    expect(desired?.node).toBe("worker-1");
  });

  it("has to be told which node this is where it cannot be known", async () => {
    const folder = await build();
    await expect(load(folder)).rejects.toThrow(`has the nodes worker-1, worker-2, and this host is ${hostname()}`);
    await expect(load(join(folder, "../shop.weir"))).rejects.toThrow("name the node with --node NAME");
    await expect(load(folder, { node: ["worker-3"] })).rejects.toThrow(/has nothing for the node worker-3/);
    await expect(load(join(folder, "worker-1"), { node: ["worker-2"] })).rejects.toThrow(
      "is for the node worker-1, not for worker-2",
    );
    await expect(load(folder, { node: ["../x"] })).rejects.toThrow("is no node name");
    expect(chosenNode(["worker-1", "worker-2"], null, "worker-2.example.org", "the spec")).toBe("worker-2");
    expect(chosenNode(["edge"], null, "else", "the spec")).toBe("edge");
    expect(() => chosenNode([], null, "else", "the spec")).toThrow("declares no node");
  });

  it("is not taken from a folder that was changed, is not whole, or is of another format", async () => {
    const folder = join(await build(), "worker-1");
    const ruleset = join(folder, "nftables/ruleset.nft");
    const text = readFileSync(ruleset, "utf8");
    writeFileSync(ruleset, text.replace("10.244.1.5", "10.244.1.6"));
    await expect(load(folder)).rejects.toThrow("ruleset.nft is not what manifest.json says");
    rmSync(ruleset);
    await expect(load(folder)).rejects.toThrow("ruleset.nft is missing");
    writeFileSync(ruleset, text);
    await expect(load(folder, {}, "ipvs")).rejects.toThrow("was compiled for iptables, nftables, not for ipvs");
    const manifest = join(folder, "manifest.json");
    const content = readFileSync(manifest, "utf8");
    writeFileSync(manifest, content.replace('"format": 1', '"format": 2'));
    await expect(load(folder)).rejects.toThrow("has format 2, this weir reads format 1");
    writeFileSync(manifest, content.replace('"sources.json"', '"a/../../x.json"'));
    await expect(load(folder)).rejects.toThrow('manifest.json names "a/../../x.json"');
    writeFileSync(manifest, "nothing");
    await expect(load(folder)).rejects.toThrow("is no manifest of weir");
  });

  it("is nothing where the spec has errors", async () => {
    const folder = temporaryFolder({ "bad.weir": spec.replace("tcp 80", "tcp 99999") });
    const { desired, diagnostics } = await load(join(folder, "bad.weir"), { node: ["worker-1"] });
    expect(desired).toBeNull();
    expect(diagnostics.some(({ severity }) => severity === "error")).toBe(true);
  });
});
