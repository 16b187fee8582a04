import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Agent } from "../../runtime/lab/agent-client.ts";
import type { LabRow } from "../../runtime/lab/expectation.ts";
import { Lab, type LabPool } from "../../runtime/lab/lab.ts";
import { checkOnly, failureOf, type LoaderName, loadSteps } from "../../runtime/lab/loaders.ts";
import { planLab, splitByInterface } from "../../runtime/lab/plan.ts";
import { describeReport, isTriable, type RowReport, tryRows, usualTrial } from "../../runtime/lab/trial.ts";
import { worldOf } from "../../runtime/lab/world.ts";
import { fixtureNames, packetTables } from "./fixtures.ts";
import { labTrouble, skipFor, troubleWith } from "./kernel.ts";
import { backendOf, type CompiledFixture, compileFixture, isSticky, labRow, moreClients } from "./kernel-fixtures.ts";
import { describeDifference, listLoaded } from "./kernel-listing.ts";
import { openTestPool, type TestPool } from "./lab.ts";
import { explain } from "./lab-explain.ts";

/**
 * Loads a fixture's files as a person would, after asking the tools whether they would take them, and reads the kernel's
 * own listing: it must be the same program. Returns what was wrong.
 */
async function load(node: Agent, loader: LoaderName, files: ReadonlyMap<string, string>): Promise<readonly string[]> {
  for (const step of loadSteps(loader, files.keys())) {
    // nftables' file replaces its tables, so it may be loaded again; iptables' would add its jumps twice.
    const steps = loader === "nftables" ? [checkOnly(step), step, step] : [checkOnly(step), step];
    for (const { argv, file } of steps) {
      const failure = failureOf(await node.tryRun(argv, files.get(file)));
      if (failure !== null) return [`${argv.join(" ")} < ${file}: ${failure}`];
    }
  }
  try {
    const found = await listLoaded(node, loader, files);
    if (isDeepStrictEqual(found.listed, found.loaded)) return [];
    return [`the kernel lists another program than was loaded:\n${describeDifference(found)}`];
  } catch (error) {
    return [`the kernel's listing cannot be read: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** A lab around the rows' packets; `use` gets it with the fixture's rules loaded, and it is removed afterwards. */
async function withLab(
  pool: LabPool,
  loader: LoaderName,
  compiled: CompiledFixture,
  rows: readonly LabRow[],
  use: (lab: Lab) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const packets = rows.map((row) => row.packet);
  const lab = await Lab.open(planLab(worldOf(compiled.ir, compiled.podRanges, packets)), pool);
  try {
    const wrong = await load(lab.node, loader, compiled.files);
    return [...wrong, ...(await use(lab))];
  } finally {
    await lab.close();
  }
}

function describeWrong(reports: readonly RowReport[]): readonly string[] {
  return reports.filter((each) => each.complaints.length > 0).map(describeReport);
}

/** All rows, in as many labs as they need. Returns what was wrong, with what the rules did to the first wrong row. */
export async function tryFixture(
  pool: LabPool,
  loader: LoaderName,
  compiled: CompiledFixture,
  rows: readonly LabRow[],
): Promise<{ readonly wrong: readonly string[]; readonly tried: number }> {
  const wrong: string[] = [];
  let tried = 0;
  for (const group of splitByInterface(rows.map((row) => row.packet))) {
    const scene = rows.filter((row) => group.includes(row.packet));
    const sticky = (row: LabRow) => isSticky(compiled.ir, row);
    const found = await withLab(pool, loader, compiled, scene, async (lab) => {
      const reports = await tryRows(lab, scene, { ...usualTrial, sticky });
      tried += reports.length;
      const first = reports.find((each) => each.complaints.length > 0);
      return [...describeWrong(reports), ...(first === undefined ? [] : [await explain(lab, loader, first.row)])];
    });
    wrong.push(...found);
  }
  return { wrong, tried };
}

function hasChoice(row: LabRow): boolean {
  return row.expect.verdict === "endpoints" && row.expect.endpoints.length > 1;
}

/** With affinity one client's connections stay, as the rows showed; here many clients' must differ, and each stay. */
async function trySpread(pool: LabPool, loader: LoaderName, compiled: CompiledFixture, rows: readonly LabRow[]) {
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

/**
 * Defines the tests of one way of loading: each fixture's artifact is taken by the plain tools, listed by the kernel as the
 * same program, and real connections go where its packet tables say.
 */
export function testTraffic(loader: LoaderName): void {
  let test: TestPool | null = null;
  let trouble: string | null = null;

  beforeAll(async () => {
    trouble = await labTrouble();
    if (trouble !== null) return;
    test = await openTestPool();
    trouble = await troubleWith(test.pool, loader);
  });

  afterAll(async () => {
    await test?.close();
  });

  for (const name of fixtureNames) {
    for (const { node, rows } of packetTables(name)) {
      const all = rows.map(labRow);
      const untried = all.filter((row) => !isTriable(row)).length;
      const note = untried === 0 ? "" : `, EXCEPT ${untried} SCTP rows (Node has no SCTP sockets)`;

      it(`${name} on ${node}: ${all.length - untried} rows go where the table says${note}`, async (context) => {
        if (test === null || trouble !== null) return skipFor(context, trouble ?? "no lab");
        const compiled = await compileFixture(name, node, backendOf(loader));
        if (compiled.refusal !== null) return context.skip(compiled.refusal);
        const { wrong, tried } = await tryFixture(test.pool, loader, compiled, all);
        expect([...wrong, ...(await trySpread(test.pool, loader, compiled, all))]).toEqual([]);
        expect(tried).toBe(all.length - untried);
      });
    }
  }
}
