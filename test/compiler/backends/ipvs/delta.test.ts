import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deltaIpvs } from "../../../../compiler/backends/ipvs/delta.ts";
import type { IpvsProgram } from "../../../../compiler/backends/ipvs/program.ts";
import { simulateIpvs } from "../../../../compiler/backends/ipvs/simulate.ts";
import { endingsOf } from "../../../../compiler/backends/simulation.ts";
import type { NodeIr } from "../../../../compiler/ir/ir.ts";
import { emptyProgram, essenceOf, IpvsModel, ipvsWorld } from "../../../support/ipvs-model.ts";
import { rowsOf, worldText } from "../../../support/random-worlds.ts";

const timeout = 180_000;

/** Two specs of one cluster and its nodes. */
const pairs = fc.tuple(worldText, worldText).map(([a, b]) => {
  const [cluster = "", one = "", two = ""] = a.split("\n\n");
  return [a, [cluster, one, two, ...b.split("\n\n").slice(3)].join("\n\n")] as const;
});

/** Where a packet's connections go, by what the rules of a program say; with whether they are masqueraded. */
function endsOf(program: IpvsProgram, ir: NodeIr, row: ReturnType<typeof rowsOf>[number]): readonly string[] {
  const branches = simulateIpvs(program, { nodeAddresses: ir.node.addresses }, row.packet);
  return endingsOf(branches).map(({ end }) =>
    end.kind === "translated" ? `${end.address.text} ${end.port}${end.masquerade ? " masqueraded" : ""}` : end.kind,
  );
}

const verdicts: ReadonlySet<string> = new Set(["drop", "reject", "pass"]);

function isServed(ends: readonly string[]): boolean {
  return ends.every((end) => !verdicts.has(end));
}

/** Endpoints of before or after; source addresses may be lost meanwhile, where answers must come back through the node not. */
function isAsBeforeOrAfter(ends: readonly string[], known: ReadonlySet<string>): boolean {
  return ends.every(
    (end) => known.has(end) || (end.endsWith(" masqueraded") && known.has(end.replace(" masqueraded", ""))),
  );
}

describe("the delta of two programs", () => {
  it("is empty for one and the same, leads from nothing to it and back", { timeout }, async () => {
    await fc.assert(
      fc.asyncProperty(worldText, async (text) => {
        const world = await ipvsWorld(text);
        if (world === null) return;
        const again = await ipvsWorld(text);
        expect(deltaIpvs(world.program, again?.program ?? null)).toEqual([]);
        const model = new IpvsModel(emptyProgram);
        model.run(model.plan(null, world.program));
        expect(essenceOf(model.program())).toEqual(essenceOf(world.program));
        model.run(model.plan(world.program, null));
        expect(essenceOf(model.program())).toEqual(essenceOf(emptyProgram));
      }),
      { seed: 1, numRuns: 25, endOnFailure: true },
    );
  });

  it("leads from one to the other, and at each moment serves what both serve", { timeout }, async () => {
    let checked = 0;
    await fc.assert(
      fc.asyncProperty(pairs, async ([one, other]) => {
        const [before, after] = [await ipvsWorld(one), await ipvsWorld(other)];
        if (before === null || after === null) return;
        const rows = [...rowsOf(before.ir, 25), ...rowsOf(after.ir, 25)].flatMap((row) => {
          const [was, is] = [endsOf(before.program, before.ir, row), endsOf(after.program, after.ir, row)];
          // IPVS finds what the node itself sends, and what is sent to it, before any rule leads there
          const { source, destination } = row.packet;
          const isOwn = before.ir.node.addresses.some(({ text }) => text === source.text || text === destination.text);
          return isServed(is) && (isServed(was) || !isOwn) ? [{ row, known: new Set([...was, ...is]) }] : [];
        });
        const model = new IpvsModel(before.program);
        const steps = model.plan(before.program, after.program);
        model.run(steps, (what) => {
          const now = model.program();
          for (const { row, known } of rows) {
            checked++;
            const ends = endsOf(now, before.ir, row);
            expect(isAsBeforeOrAfter(ends, known), `${row.label}: ${ends} after ${what}; ${[...known]}`).toBe(true);
          }
        });
        expect(essenceOf(model.program())).toEqual(essenceOf(after.program));
        expect(model.plan(model.program(), after.program).filter(({ kind }) => kind !== "flows")).toEqual([]);
      }),
      { seed: 2, numRuns: 25, endOnFailure: true },
    );
    expect(checked).toBeGreaterThan(1000);
  });
});
