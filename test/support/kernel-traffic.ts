import { isDeepStrictEqual } from "node:util";
import type { Agent } from "../../runtime/lab/agent-client.ts";
import type { LabRow } from "../../runtime/lab/expectation.ts";
import { Lab, type LabPool } from "../../runtime/lab/lab.ts";
import { checkOnly, failureOf, type LoaderName, loadSteps } from "../../runtime/lab/loaders.ts";
import { planLab, splitByInterface } from "../../runtime/lab/plan.ts";
import { describeReport, type RowReport, tryRows, usualTrial } from "../../runtime/lab/trial.ts";
import { worldOf } from "../../runtime/lab/world.ts";
import { type CompiledFixture, isSticky } from "./kernel-fixtures.ts";
import { describeDifference, listLoaded } from "./kernel-listing.ts";
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
