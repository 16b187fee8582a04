import { beforeAll, describe, expect, it } from "vitest";
import { doJobs } from "../support/vm/jobs.ts";
import { vmTestsWanted } from "../support/vm/vm.ts";
import type { Job, JobReport } from "./through-apply-program.ts";

/**
 * Clients that connect all the time in a virtual machine, whose kernel has IPVS, while endpoints come and go, and while the
 * node moves to IPVS and back. Run with WEIR_VM_TESTS=1; WEIR_VM_JOBS is a pattern that chooses some by title.
 * For a longer search: WEIR_SOAK_APPLIES. On a busy machine WEIR_VM_SECONDS may be too few.
 */
const chosen = new RegExp(process.env.WEIR_VM_JOBS ?? "");
const seconds = Number(process.env.WEIR_VM_SECONDS ?? 2700);
const applies = Number(process.env.WEIR_SOAK_APPLIES ?? 12);
const seed = Number(process.env.WEIR_SOAK_SEED ?? 20261122);
const pace = { pauseMs: 1000, longPauseMs: 3000, timeoutMs: 120_000, restMs: 1000 } as const;

const allJobs: Readonly<Record<string, Job>> = {
  "no connection is lost while endpoints come and go": {
    kind: "soak",
    seed,
    pace,
    moves: [{ way: "ipvs", applies }],
  },
  "no connection is lost while the node moves to IPVS and back, from iptables and from nftables": {
    kind: "soak",
    seed: seed + 1,
    pace,
    moves: (["iptables-nft", "ipvs", "iptables-nft", "nftables", "ipvs", "nftables"] as const).map((way) => ({
      way,
      applies: 0,
    })),
  },
  "an endpoint leaves when its connections have ended, or at its deadline": { kind: "drain", limitMs: 120_000 },
};

const jobs = Object.entries(allJobs).filter(([title]) => chosen.test(title));

describe.runIf(vmTestsWanted)("weir apply under traffic, with IPVS", () => {
  let reports: readonly JobReport[] = [];
  let log = "";

  beforeAll(
    async () => {
      const done = await doJobs(
        jobs.map(([, job]) => job),
        seconds,
      );
      reports = done.reports;
      log = done.log;
    },
    (seconds + 60) * 1000,
  );

  for (const [index, [title]] of jobs.entries()) {
    it(title, () => {
      const report = reports[index];
      if (report === undefined) throw new Error(`not reached in ${seconds} s:\n${log.slice(-3000)}`);
      console.info(`${title}: ${report.figures ?? "done"}, ${Math.round(report.milliseconds / 1000)} s`);
      expect(report.wrong).toEqual([]);
      expect(report.tried).toBeGreaterThan(0);
    });
  }
});
