import fc from "fast-check";
import { expect, it } from "vitest";
import { decide } from "../../compiler/ir/decide.ts";
import { assertInvariants } from "../../compiler/ir/invariants.ts";
import type { NodeIr } from "../../compiler/ir/ir.ts";
import { add, equalFractions, one, zero } from "../../compiler/net/fraction.ts";
import { formatSyntax } from "../../compiler/syntax/format.ts";
import { parseSyntax } from "../../compiler/syntax/parse.ts";
import { type SpecBlocks, specBlocks, textOfBlocks } from "../support/arbitraries.ts";
import { nodeTexts, withoutFindings } from "../support/artifacts.ts";
import { packetOf } from "../support/fixtures.ts";
import { readBlocks, readText, withoutPlaces } from "../support/random-specs.ts";
import { type Reorder, shuffledBy } from "../support/shuffle.ts";

/** Thousands of runs, on machines that have other things to do. */
const timeout = 180_000;

/** A run that fails prints its seed and path; put them here to play it again. */
const seed = 20261122;

function reorderBlocks(blocks: SpecBlocks, reorder: Reorder): SpecBlocks {
  return reorder(blocks).map(({ header, lines }) => ({ header, lines: reorder(lines) }));
}

function textsOf(blocks: SpecBlocks) {
  return readText(textOfBlocks(blocks)).then((spec) => nodeTexts(spec, "worker-1", (file) => file.path));
}

it("compiles to the same bytes in whatever order declarations and lines stand", { timeout }, async () => {
  await fc.assert(
    fc.asyncProperty(specBlocks, fc.integer(), async (blocks, order) => {
      const [texts, others] = [await textsOf(blocks), await textsOf(reorderBlocks(blocks, shuffledBy(order)))];
      expect(withoutFindings(others)).toEqual(withoutFindings(texts));
    }),
    { seed, numRuns: 100 },
  );
});

it("formats to a text that formats to itself and means the same", { timeout }, async () => {
  await fc.assert(
    fc.asyncProperty(specBlocks, async (blocks) => {
      const text = textOfBlocks(blocks);
      const formatted = format(text);
      expect(format(formatted)).toBe(formatted);
      expect(withoutPlaces(await readText(formatted))).toEqual(withoutPlaces(await readText(text)));
    }),
    { seed, numRuns: 600 },
  );
});

function format(text: string): string {
  return formatSyntax(parseSyntax({ path: "random.weir", text }).tree);
}

it("decides on every packet, with shares that make up the whole", { timeout }, async () => {
  await fc.assert(
    fc.asyncProperty(specBlocks, async (blocks) => {
      const ir = await readBlocks(blocks);
      assertInvariants(ir);
      for (const packet of packetsTo(ir)) {
        const outcome = decide(ir, packet);
        if (outcome.verdict !== "endpoints") continue;
        expect(outcome.choices.length).toBeGreaterThan(0);
        const shares = outcome.choices.flatMap(({ share }) => share ?? []);
        if (shares.length < outcome.choices.length) continue;
        expect(equalFractions(shares.reduce(add, zero), one)).toBe(true);
      }
    }),
    { seed, numRuns: 400 },
  );
});

/** To every frontend from a pod, the node, outside, and every endpoint that may hairpin. */
function packetsTo(ir: NodeIr) {
  return (["ipv4", "ipv6"] as const).flatMap((family) => {
    const isIpv4 = family === "ipv4";
    const own = isIpv4 ? "192.0.2.11" : "2001:db8::11";
    const sources = isIpv4
      ? ["10.244.1.200", own, "203.0.113.9", "10.244.1.1"]
      : ["fd00:10:244:1::c8", own, "2001:db8:200::9", "fd00:10:244:1::1"];
    return ir.frontends[family].flatMap((frontend) => {
      const address = frontend.address?.text ?? own;
      const place = isIpv4 ? `${address}:${frontend.port}` : `[${address}]:${frontend.port}`;
      return sources.map((source) => packetOf(`${frontend.protocol} ${source} -> ${place}`, null));
    });
  });
}
