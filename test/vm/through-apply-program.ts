import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { tryDrain } from "../support/drain.ts";
import { openPool } from "../support/lab.ts";
import { describeSoak, type SoakOptions, soak } from "../support/soak.ts";
import { type Scene, type SceneReport, scenesOf, tryScene, tryShares } from "../support/through-apply.ts";
import { openWeirNode, type WayName, ways } from "../support/weir-node.ts";

/** What the program in the virtual machine is asked to do; see through-apply.ts beside it. */
export type Job =
  | {
      readonly kind: "scene";
      readonly way: WayName;
      readonly fixture: string;
      readonly node: string;
      readonly cleansUp: boolean;
    }
  | {
      readonly kind: "shares";
      readonly way: WayName;
      readonly fixture: string;
      readonly node: string;
      readonly connections: number;
    }
  | {
      readonly kind: "soak";
      readonly seed: number;
      readonly moves: readonly { readonly way: WayName; readonly applies: number }[];
      readonly pace: SoakOptions["pace"];
    }
  /** Connections that outlive their endpoint's place in the spec. */
  | { readonly kind: "drain"; readonly limitMs: number };

export interface JobReport {
  readonly job: Job;
  readonly wrong: readonly string[];
  readonly refusal: string | null;
  /** Rows tried, or figures. */
  readonly tried: number;
  /** Packets of which the kernel and the simulator were held against each other. */
  readonly compared: number;
  readonly figures: string | null;
  readonly milliseconds: number;
}

/** Everything here takes ten times as long; silence is waited for beside the rows that answer. */
const trial = { answerMs: 20_000, silenceMs: 600, mostAttempts: 1 } as const;

function sceneOf({ fixture, node }: { readonly fixture: string; readonly node: string }): Scene {
  const scene = scenesOf(fixture).find((each) => each.node === node);
  if (scene === undefined) throw new Error(`${fixture} has no packet table for ${node}`);
  return scene;
}

async function main(folder: string, jobsFile: string, reportFile: string): Promise<void> {
  const jobs = JSON.parse(await readFile(jobsFile, "utf8")) as readonly Job[];
  const test = await openPool({ folder, path: (name) => join(folder, `${name}.js`), remove: () => {} });
  let node = await openWeirNode(test);

  const work = async (job: Job): Promise<Omit<JobReport, "job" | "milliseconds">> => {
    switch (job.kind) {
      case "scene": {
        const report: SceneReport = await tryScene(node, test.pool, ways[job.way], sceneOf(job), {
          trial,
          isThorough: false,
          cleansUp: job.cleansUp,
        });
        return { ...report, figures: null };
      }
      case "shares": {
        const { rows, wrong } = await tryShares(node, test.pool, ways[job.way], sceneOf(job), job.connections);
        return { refusal: null, tried: rows, compared: 0, wrong, figures: null };
      }
      case "soak": {
        const moves = job.moves.map(({ way, applies }) => ({ way: ways[way], applies }));
        const report = await soak(test, { seed: job.seed, moves, pace: job.pace, progress: console.log });
        const wrong = report.failures.slice(0, 20);
        return { refusal: null, tried: report.connections, compared: 0, wrong, figures: describeSoak(report) };
      }
      case "drain":
        return { refusal: null, tried: 1, compared: 0, wrong: await tryDrain(test, job.limitMs), figures: null };
    }
  };

  for (const job of jobs) {
    const from = performance.now();
    // ends in the machine's log, and tells where it was when time ran out
    console.log(`${Math.round(from / 1000)} s: ${JSON.stringify(job)}`);
    const result = await work(job).catch((error: unknown) => ({
      refusal: null,
      tried: 0,
      compared: 0,
      wrong: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
      figures: null,
    }));
    const report: JobReport = { job, ...result, milliseconds: Math.round(performance.now() - from) };
    await appendFile(reportFile, `${JSON.stringify(report)}\n`);
    if (result.wrong.length > 0) {
      // what is wrong is wrong with one fixture; the next one gets a node without it
      await node.close();
      node = await openWeirNode(test);
    }
  }
  await node.close();
  await test.close();
}

const [folder = "", jobsFile = "", reportFile = ""] = process.argv.slice(2);
await main(folder, jobsFile, reportFile);
