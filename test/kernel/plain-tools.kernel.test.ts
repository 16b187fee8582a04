import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parseIpset } from "../../compiler/backends/ipvs/parse-sets.ts";
import type { Agent } from "../../runtime/lab/agent-client.ts";
import { checkOnly, failureOf, type LoaderName, loaderNames, loadSteps } from "../../runtime/lab/loaders.ts";
import { missingTools } from "../../runtime/lab/tools.ts";
import { labTrouble, skipFor, troubleWith } from "../support/kernel.ts";
import { compileFixture, fixtureNodes } from "../support/kernel-fixtures.ts";
import { listIptables, listLoaded } from "../support/kernel-listing.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";

/**
 * Files of every backend, loaded with nothing but the kernel's own tools and read back as the same program. Virtual
 * servers need a kernel with IPVS, which the tests in test/vm bring along; here are the sets and rules beside them.
 */
const flavours = ["nft", "legacy"] as const;

let test: TestPool | null = null;
let node: Agent | null = null;
let trouble: string | null = null;
let lacksIpvsMatch = false;

beforeAll(async () => {
  trouble = await labTrouble();
  if (trouble !== null) return;
  test = await openTestPool();
  const missing = await missingTools([{ tool: "ipset", debianPackage: "ipset" }]);
  if (missing.length > 0) trouble = "missing: ipset";
  for (const loader of loaderNames) trouble ??= await troubleWith(test.pool, loader);
  node = await test.pool.node();
  const smallest = "*filter\n-A INPUT -m ipvs --ipvs -j ACCEPT\nCOMMIT\n";
  lacksIpvsMatch = (await node.tryRun(["iptables-nft-restore", "--noflush"], smallest)).status !== 0;
  if (lacksIpvsMatch) console.warn("this kernel lacks the ipvs match: rules that use it are left out here");
  await clean(node);
});

afterAll(async () => {
  await test?.close();
});

const emptyTables = ["raw", "mangle", "nat", "filter"].map((table) => `*${table}\nCOMMIT\n`).join("");

/** One namespace serves all fixtures, because a new one costs more than emptying it. */
async function clean(agent: Agent): Promise<void> {
  await agent.run(["nft", "flush", "ruleset"]);
  for (const command of ["iptables-legacy-restore", "ip6tables-legacy-restore"])
    await agent.run([command], emptyTables);
  await agent.run(["ipset", "destroy"]);
}

afterEach(async () => {
  if (node !== null) await clean(node);
});

/** This kernel may lack the ipvs match; test/vm has one with it. The other rules can be loaded without those that use it. */
function withoutIpvsMatch(files: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const without = (text: string) =>
    text
      .split("\n")
      .filter((line) => !line.includes(" -m ipvs "))
      .join("\n");
  return new Map([...files].map(([path, text]) => [path, path.endsWith(".rules") ? without(text) : text]));
}

async function loadRules(agent: Agent, backend: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const flavour of flavours) {
    const loader: LoaderName = `iptables-${flavour}`;
    for (const step of loadSteps(loader, files.keys(), backend)) {
      for (const { argv, file } of [checkOnly(step), step]) {
        expect(failureOf(await agent.tryRun(argv, files.get(file))), `${argv.join(" ")} < ${file}`).toBeNull();
      }
    }
    const { loaded, listed } = await listIptables(agent, flavour, backend, files);
    expect(listed, `listed by iptables-${flavour}-save`).toEqual(loaded);
  }
}

describe("nftables", () => {
  for (const { name, node: nodeName } of fixtureNodes()) {
    it(`${name} on ${nodeName}`, async (context) => {
      if (node === null || trouble !== null) return skipFor(context, trouble ?? "no namespace");
      const { files, refusal } = await compileFixture(name, nodeName, "nftables");
      if (refusal !== null) return context.skip(refusal);
      for (const step of loadSteps("nftables", files.keys())) {
        // the file replaces its tables, so it may be loaded again
        for (const { argv, file } of [checkOnly(step), step, step]) {
          expect(failureOf(await node.tryRun(argv, files.get(file))), `${argv.join(" ")} < ${file}`).toBeNull();
        }
      }
      const { loaded, listed } = await listLoaded(node, "nftables", files);
      expect(listed, "listed by nft").toEqual(loaded);
    });
  }
});

describe("iptables", () => {
  for (const { name, node: nodeName } of fixtureNodes()) {
    it(`${name} on ${nodeName}`, async (context) => {
      if (node === null || trouble !== null) return skipFor(context, trouble ?? "no namespace");
      const { files, refusal } = await compileFixture(name, nodeName, "iptables");
      if (refusal !== null) return context.skip(refusal);
      await loadRules(node, "iptables", files);
    });
  }
});

describe("ipsets and rules beside IPVS", () => {
  for (const { name, node: nodeName } of fixtureNodes()) {
    it(`${name} on ${nodeName}`, async (context) => {
      if (node === null || trouble !== null) return skipFor(context, trouble ?? "no namespace");
      const { files, refusal } = await compileFixture(name, nodeName, "ipvs");
      if (refusal !== null) return context.skip(refusal);
      const sets = files.get("ipvs/ipset.rules") ?? "";
      for (const _ of ["first", "again"]) {
        expect(failureOf(await node.tryRun(["ipset", "-exist", "restore"], sets)), "ipset -exist restore").toBeNull();
      }
      expect(parseIpset(await node.run(["ipset", "save"]))).toEqual(parseIpset(sets));
      await loadRules(node, "ipvs", lacksIpvsMatch ? withoutIpvsMatch(files) : files);
    });
  }
});

describe("rules that lead into the userspace proxy", () => {
  for (const { name, node: nodeName } of fixtureNodes()) {
    it(`${name} on ${nodeName}`, async (context) => {
      if (node === null || trouble !== null) return skipFor(context, trouble ?? "no namespace");
      const { files, refusal } = await compileFixture(name, nodeName, "userspace");
      if (refusal !== null) return context.skip(refusal);
      await loadRules(node, "userspace", files);
    });
  }
});
