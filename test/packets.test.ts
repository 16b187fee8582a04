import { describe, expect, it } from "vitest";
import { hasErrors } from "../compiler/diagnostics/diagnostic.ts";
import { decide } from "../compiler/ir/decide.ts";
import { assertInvariants } from "../compiler/ir/invariants.ts";
import { irOf } from "../compiler/pipeline.ts";
import { describeOutcome, fixtureNames, fixturesFolder, loadInputs, packetTables } from "./support/fixtures.ts";

/** The tables are worked out by hand from what a spec means; here the reference meaning is held to them. */
describe.each(fixtureNames)("%s", (name) => {
  const loaded = loadInputs(`${fixturesFolder}/${name}`);

  it("has no errors", async () => {
    const { diagnostics } = await loaded;
    expect(diagnostics.filter((finding) => finding.severity === "error").map((finding) => finding.message)).toEqual([]);
    expect(hasErrors(diagnostics)).toBe(false);
  });

  describe.each(packetTables(name))("on $node", ({ node, rows }) => {
    it("tells every kind of place apart", async () => {
      const { spec } = await loaded;
      expect(spec.nodes.map((declared) => declared.name)).toContain(node);
      expect(new Set(rows.map((row) => row.label)).size).toBe(rows.length);
    });

    it("keeps what lowerings rely on", async () => {
      const { spec } = await loaded;
      expect(() => assertInvariants(irOf(spec, node).ir)).not.toThrow();
    });

    it.each(rows.map((row) => [row.label, row] as const))("%s", async (_, { packet, expected }) => {
      const { ir } = irOf((await loaded).spec, node);
      expect(describeOutcome(decide(ir, packet))).toEqual(describeOutcome(expected));
    });
  });
});
