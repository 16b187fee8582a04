import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { IptablesChain } from "../../../../compiler/backends/iptables/program.ts";
import { comment, goTo, rule } from "../../../../compiler/backends/iptables/rules.ts";
import { buildTree, leavesPerChain } from "../../../../compiler/backends/iptables/tree.ts";

/** Chains named for their prefix; a branch's comment is its prefix, a leaf's its key. */
function treeOf(keys: readonly string[], stops: readonly number[] = []): readonly IptablesChain[] {
  return buildTree(
    keys.map((key) => ({ key, value: key })),
    {
      root: "root",
      stops,
      name: (prefix) => `chain-${prefix}`,
      branch: (prefix, _known, _leaves, chain) => [rule([comment(prefix)], goTo(chain))],
      leaf: ({ key }) => [rule([comment(key)], { kind: "accept" })],
      tail: () => [],
    },
  );
}

function linesOf(chain: IptablesChain): readonly string[] {
  return chain.rules.map(({ matches: [match] }) => (match?.kind === "comment" ? match.text : ""));
}

/** Chains walked from the root to the leaf of a key; null when the walk ends before. */
function walk(chains: readonly IptablesChain[], key: string): readonly string[] | null {
  const byName = new Map(chains.map((chain) => [chain.name, chain]));
  const path: string[] = [];
  for (let at = byName.get("root"); at !== undefined; ) {
    path.push(at.name);
    const next = at.rules.find(({ matches: [match] }) => match?.kind === "comment" && key.startsWith(match.text));
    if (next?.target.kind === "accept") return path;
    at = next?.target.kind === "goto" ? byName.get(next.target.chain) : undefined;
  }
  return null;
}

const hex = (value: number) => value.toString(16).padStart(4, "0");
const sixteen = Array.from({ length: 16 }, (_, at) => hex(at));

describe("trees", () => {
  it("is one flat chain for up to sixteen leaves, in the order of keys", () => {
    expect(treeOf([...sixteen].reverse())).toEqual(treeOf(sixteen));
    expect(treeOf(sixteen).map((chain) => [chain.name, linesOf(chain)])).toEqual([["root", sixteen]]);
  });

  it("splits at the seventeenth: branches to the longest common prefix, lone leaves at once", () => {
    const chains = new Map(treeOf([...sixteen, "f123"]).map((chain) => [chain.name, linesOf(chain)]));
    expect(Object.fromEntries(chains)).toEqual({ root: ["000", "f123"], "chain-000": sixteen });
  });

  it("stops a branch where it is told to, though its keys agree further", () => {
    const chains = treeOf([...sixteen, "f123"], [2]);
    expect(chains.map((chain) => chain.name).sort()).toEqual(["chain-00", "root"]);
  });

  it("leads to every leaf, through chains of at most sixteen rules, and to nothing else", () => {
    const keys = fc.uniqueArray(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(keys, fc.integer({ min: 0, max: 0xffff }), (numbers, other) => {
        const chains = treeOf(numbers.map(hex));
        expect(Math.max(...chains.map((chain) => chain.rules.length))).toBeLessThanOrEqual(leavesPerChain);
        for (const number of numbers) expect(walk(chains, hex(number))).not.toBeNull();
        if (!numbers.includes(other)) expect(walk(chains, hex(other))).toBeNull();
      }),
      { seed: 20261122, numRuns: 200 },
    );
  });

  it("changes few lines when a leaf is added: a line, or the split of one chain", () => {
    const keys = fc.uniqueArray(fc.integer({ min: 0, max: 0xffff }), { minLength: 2, maxLength: 300 });
    const textOf = (chains: readonly IptablesChain[]) =>
      new Set(chains.flatMap((chain) => [chain.name, ...linesOf(chain).map((line) => `${chain.name} ${line}`)]));
    fc.assert(
      fc.property(keys, ([added = 0, ...numbers]) => {
        const before = textOf(treeOf(numbers.map(hex)));
        const after = textOf(treeOf([added, ...numbers].map(hex)));
        const changed = [...after].filter((line) => !before.has(line)).length;
        const gone = [...before].filter((line) => !after.has(line)).length;
        expect(changed + gone).toBeLessThanOrEqual(2 * (leavesPerChain + 1) + 18);
      }),
      { seed: 20261122, numRuns: 300 },
    );
  });
});
