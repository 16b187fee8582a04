import { beforeAll, describe, expect, it } from "vitest";
import { isTriable } from "../../runtime/lab/trial.ts";
import { fixtureNames } from "../support/fixtures.ts";
import { scenesOf } from "../support/through-apply.ts";
import { doJobs } from "../support/vm/jobs.ts";
import { vmTestsWanted } from "../support/vm/vm.ts";
import type { Job, JobReport } from "./through-apply-program.ts";

/**
 * Every fixture through `weir apply` in virtual machines, whose kernel has IPVS: one connection for each packet. Run with
 * WEIR_VM_TESTS=1; WEIR_VM_FIXTURES is a pattern that chooses some. On a busy machine WEIR_VM_SECONDS may be too few.
 */
const seconds = Number(process.env.WEIR_VM_SECONDS ?? 2100);
const chosen = new RegExp(process.env.WEIR_VM_FIXTURES ?? "");
const alsoOtherWays = ["01-plain-tcp", "26-node-ports", "47-dual-stack"];
const otherWays = ["nftables", "iptables-nft", "iptables-legacy"] as const;
const machines = 2;
const connections = 200;

const scenes = fixtureNames.filter((name) => chosen.test(name)).flatMap(scenesOf);
type FixtureJob = Extract<Job, { readonly fixture: string }>;

const jobs: readonly FixtureJob[] = [
  ...scenes.map(({ fixture, node }, index): FixtureJob => {
    // mostly one fixture is applied over the other, which is quicker and shows more
    return { kind: "scene", way: "ipvs", fixture, node, cleansUp: index % 16 === 0 };
  }),
  ...scenes
    .filter(({ fixture }) => alsoOtherWays.includes(fixture))
    .flatMap(({ fixture, node }) =>
      otherWays.map((way): FixtureJob => ({ kind: "scene", way, fixture, node, cleansUp: way === "iptables-legacy" })),
    ),
  ...scenes
    .filter(({ fixture }) => fixture === "07-weights")
    .map(({ fixture, node }): FixtureJob => ({ kind: "shares", way: "ipvs", fixture, node, connections })),
];

function titleOf(job: Job): string {
  return "fixture" in job ? `${job.kind} ${job.fixture} on ${job.node} by ${job.way}` : job.kind;
}

describe.runIf(vmTestsWanted)("weir apply in virtual machines", () => {
  const reports = new Map<string, JobReport>();
  let log = "";

  beforeAll(
    async () => {
      const parts = Array.from({ length: machines }, (_, part) => jobs.filter((_, index) => index % machines === part));
      const done = await Promise.all(parts.filter((part) => part.length > 0).map((part) => doJobs(part, seconds)));
      for (const report of done.flatMap((each) => each.reports)) reports.set(titleOf(report.job), report);
      log = done.map((each) => each.log).join("\n");
      const spent = [...reports.values()].reduce((sum, report) => sum + report.milliseconds, 0);
      const compared = [...reports.values()].reduce((sum, report) => sum + report.compared, 0);
      console.info(`the simulators and the kernel agree on ${compared} packets, unless a test below has failed`);
      console.info(
        `${reports.size} of ${jobs.length} jobs, ${Math.round(spent / 1000)} s of work in ${machines} machines`,
      );
    },
    (seconds + 60) * 1000,
  );

  for (const job of jobs) {
    const scene = scenes.find((each) => each.fixture === job.fixture && each.node === job.node);
    const rows = scene?.rows.filter(isTriable) ?? [];
    it(`${titleOf(job)}: ${rows.length} rows`, (context) => {
      const report = reports.get(titleOf(job));
      if (report === undefined) throw new Error(`not reached in ${seconds} s:\n${log.slice(-3000)}`);
      if (report.refusal !== null) return context.skip(report.refusal);
      expect(report.wrong).toEqual([]);
      if (job.kind === "scene") expect(report.tried).toBe(rows.length);
      else expect(report.tried).toBeGreaterThan(0);
    });
  }
});
