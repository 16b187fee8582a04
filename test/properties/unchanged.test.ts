import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { ArtifactFile } from "../../compiler/backends/backend.ts";
import { deltaIptables } from "../../compiler/backends/iptables/delta.ts";
import { lowerIptables } from "../../compiler/backends/iptables/lower.ts";
import { parseRuleset } from "../../compiler/backends/iptables/parse.ts";
import { printIptables } from "../../compiler/backends/iptables/print.ts";
import { withoutUnchangedChains } from "../../compiler/backends/iptables/unchanged.ts";
import { deltaNftables } from "../../compiler/backends/nftables/delta.ts";
import { lowerNftables } from "../../compiler/backends/nftables/lower.ts";
import { parseNftables } from "../../compiler/backends/nftables/parse.ts";
import { printNftables } from "../../compiler/backends/nftables/print.ts";
import { withoutUnchangedElements } from "../../compiler/backends/nftables/unchanged.ts";
import { textOf } from "../../compiler/backends/text.ts";
import type { NodeIr } from "../../compiler/ir/ir.ts";
import { irOf } from "../../compiler/pipeline.ts";
import {
  changeService,
  type LargeSpec,
  largeSpec,
  middleService,
  readLarge,
  serviceKinds,
} from "../support/large-spec.ts";
import { readText } from "../support/random-specs.ts";
import { worldText } from "../support/random-worlds.ts";

/** The delta is the same whether two artifacts are read wholly, or only what they do not share. */

function onlyFile(files: readonly ArtifactFile[], name: string): string {
  const file = files.find(({ path }) => path.endsWith(name));
  return file === undefined ? "" : textOf(file);
}

function nftablesText(ir: NodeIr): string {
  return onlyFile(printNftables(lowerNftables(ir).program), "ruleset.nft");
}

function iptablesText(ir: NodeIr): string {
  return onlyFile(printIptables("iptables", lowerIptables(ir).program), "ipv4.rules");
}

function expectSameDeltas(before: NodeIr, after: NodeIr): void {
  const tables = { before: nftablesText(before), after: nftablesText(after) };
  const fewer = withoutUnchangedElements(tables.before, tables.after);
  expect(deltaNftables(parseNftables(fewer.before), parseNftables(fewer.after))).toEqual(
    deltaNftables(parseNftables(tables.before), parseNftables(tables.after)),
  );
  const rules = { before: iptablesText(before), after: iptablesText(after) };
  const short = withoutUnchangedChains(rules.before, rules.after);
  expect(deltaIptables(iptablesOf(short.before), iptablesOf(short.after))).toEqual(
    deltaIptables(iptablesOf(rules.before), iptablesOf(rules.after)),
  );
}

function iptablesOf(text: string) {
  return { ipv4: parseRuleset("ipv4", text), ipv6: null };
}

describe("what two artifacts share need not be read", () => {
  it("for random specs that have little in common, or one line less", async () => {
    await fc.assert(
      fc.asyncProperty(worldText, worldText, fc.nat(), async (first, second, at) => {
        const one = irOf(await readText(first), "worker-1").ir;
        const other = irOf(await readText(second), "worker-1").ir;
        const endpoints = first.split("\n").filter((line) => line.trim().startsWith("endpoint "));
        const gone = endpoints[at % Math.max(1, endpoints.length)] ?? "";
        const less = irOf(await readText(first.replace(`${gone}\n`, "\n")), "worker-1").ir;
        for (const [before, after] of [
          [one, other],
          [one, less],
          [less, one],
          [one, one],
        ] as const) {
          expectSameDeltas(before, after);
        }
      }),
      { seed: 7, numRuns: 25 },
    );
  }, 120_000);

  describe("in a large spec", () => {
    const spec = largeSpec();
    let before: NodeIr;

    async function resolved(changed: LargeSpec): Promise<NodeIr> {
      return irOf(await readLarge(changed), "worker-1").ir;
    }

    beforeAll(async () => {
      before = await resolved(spec);
    });

    it.each(serviceKinds)(
      "one endpoint of a %s service",
      async (kind) => {
        const after = await resolved(
          changeService(spec, middleService(kind), (service) => ({
            ...service,
            endpoints: service.endpoints.slice(1),
          })),
        );
        expectSameDeltas(before, after);
        const tables = withoutUnchangedElements(nftablesText(before), nftablesText(after));
        expect(tables.before.length).toBeLessThan(nftablesText(before).length / 10);
        const rules = withoutUnchangedChains(iptablesText(before), iptablesText(after));
        expect(rules.before.length).toBeLessThan(iptablesText(before).length / 10);
      },
      60_000,
    );
  });
});
