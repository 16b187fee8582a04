import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LabRow } from "../../runtime/lab/expectation.ts";
import { Lab } from "../../runtime/lab/lab.ts";
import { type LoaderName, loaderNames, loadSteps } from "../../runtime/lab/loaders.ts";
import { planLab, splitByInterface } from "../../runtime/lab/plan.ts";
import { describeReport, isTriable, type RowReport, tryRows, usualTrial } from "../../runtime/lab/trial.ts";
import { worldOf } from "../../runtime/lab/world.ts";
import { fixtureNames, packetTables } from "../support/fixtures.ts";
import { labTrouble, skipFor, troubleWith } from "../support/kernel.ts";
import {
  backendOf,
  type CompiledFixture,
  compileFixture,
  isSticky,
  labRow,
  moreClients,
} from "../support/kernel-fixtures.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";
import { explain } from "../support/lab-explain.ts";

const trouble = await labTrouble();
let test: TestPool | null = null;
const loaderTroubles = new Map<LoaderName, string | null>();

beforeAll(async () => {
  if (trouble !== null) return;
  test = await openTestPool();
  for (const loader of loaderNames) loaderTroubles.set(loader, await troubleWith(test.pool, loader));
});

afterAll(async () => {
  await test?.close();
});

/** A lab around the rows' packets with the fixture's rules loaded; `use` gets it, and it is removed afterwards. */
async function withLab<T>(
  pool: TestPool["pool"],
  loader: LoaderName,
  compiled: CompiledFixture,
  rows: readonly LabRow[],
  use: (lab: Lab) => Promise<T>,
): Promise<T> {
  const packets = rows.map((row) => row.packet);
  const lab = await Lab.open(planLab(worldOf(compiled.ir, compiled.podRanges, packets)), pool);
  try {
    for (const step of loadSteps(loader, compiled.files.keys())) {
      await lab.node.run(step.argv, compiled.files.get(step.file));
    }
    return await use(lab);
  } finally {
    await lab.close();
  }
}

function describeWrong(reports: readonly RowReport[]): readonly string[] {
  return reports.filter((each) => each.complaints.length > 0).map(describeReport);
}

/** All rows, in as many labs as they need. Returns what was wrong, with what the rules did to the first wrong row. */
async function tryFixture(
  pool: TestPool["pool"],
  loader: LoaderName,
  compiled: CompiledFixture,
  rows: readonly LabRow[],
) {
  const wrong: string[] = [];
  let tried = 0;
  for (const group of splitByInterface(rows.map((row) => row.packet))) {
    const scene = rows.filter((row) => group.includes(row.packet));
    const sticky = (row: LabRow) => isSticky(compiled.ir, row);
    await withLab(pool, loader, compiled, scene, async (lab) => {
      const reports = await tryRows(lab, scene, { ...usualTrial, sticky });
      tried += reports.length;
      wrong.push(...describeWrong(reports));
      const first = reports.find((each) => each.complaints.length > 0);
      if (first !== undefined) wrong.push(await explain(lab, loader, first.row));
    });
  }
  return { wrong, tried };
}

function hasChoice(row: LabRow): boolean {
  return row.expect.verdict === "endpoints" && row.expect.endpoints.length > 1;
}

/** With affinity one client's connections stay, as the rows showed; here many clients' must differ, and each stay. */
async function trySpread(
  pool: TestPool["pool"],
  loader: LoaderName,
  compiled: CompiledFixture,
  rows: readonly LabRow[],
) {
  const sticky = rows.find((row) => isTriable(row) && hasChoice(row) && isSticky(compiled.ir, row));
  if (sticky === undefined) return [];
  const clients = moreClients(compiled.ir, sticky);
  return withLab(pool, loader, compiled, clients, async (lab) => {
    const reports = await tryRows(lab, clients, { ...usualTrial, sticky: () => true });
    const reached = new Set(reports.flatMap((each) => [...each.reached.keys()]));
    const alike = `${sticky.label}: ${clients.length} clients all reached ${[...reached].join()}`;
    return [...describeWrong(reports), ...(reached.size < 2 ? [alike] : [])];
  });
}

describe.each(loaderNames)("real connections through %s", (loader) => {
  for (const name of fixtureNames) {
    for (const { node, rows } of packetTables(name)) {
      const all = rows.map(labRow);
      const untried = all.filter((row) => !isTriable(row)).length;
      const note = untried === 0 ? "" : `, EXCEPT ${untried} SCTP rows (Node has no SCTP sockets)`;
      const title = `${name} on ${node}: ${all.length - untried} rows go where the table says${note}`;

      it(title, { timeout: 60_000 }, async (context) => {
        const missing = trouble ?? loaderTroubles.get(loader) ?? null;
        if (test === null || missing !== null) return skipFor(context, missing ?? "no lab");
        const compiled = await compileFixture(name, node, backendOf(loader));
        if (compiled.refusal !== null) return context.skip(compiled.refusal);
        const { wrong, tried } = await tryFixture(test.pool, loader, compiled, all);
        expect([...wrong, ...(await trySpread(test.pool, loader, compiled, all))]).toEqual([]);
        expect(tried).toBe(all.length - untried);
      });
    }
  }
});
