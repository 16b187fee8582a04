import type { Job, JobReport } from "../../vm/through-apply-program.ts";
import { bundleSources } from "../bundle.ts";
import { poolInputs } from "../lab.ts";
import { runInVm } from "./vm.ts";

const modules =
  "ip_vs xt_ipvs xt_set xt_mark xt_connmark xt_conntrack xt_addrtype xt_comment nf_nat nf_conntrack_netlink";

function script(folder: string): string {
  return `
set -u
modprobe -a ${modules} veth bridge
node ${folder}/through-apply-program.js ${folder} /mnt/input/jobs.json /mnt/output/reports.jsonl
`;
}

/**
 * Does jobs one after the other in one virtual machine. Returns what came of each; those that were not reached when time
 * ran out are missing, and `log` says what the machine said.
 */
export async function doJobs(
  jobs: readonly Job[],
  seconds: number,
): Promise<{ readonly reports: readonly JobReport[]; readonly log: string }> {
  const program = { "through-apply-program": "test/vm/through-apply-program.ts" };
  const bundle = await bundleSources("vm", { ...poolInputs, ...program });
  try {
    const { log, output } = await runInVm({
      script: script(bundle.folder),
      input: new Map([["jobs.json", JSON.stringify(jobs)]]),
      output: ["reports.jsonl"],
      seconds,
    });
    const lines = (output.get("reports.jsonl") ?? "").split("\n").filter((line) => line !== "");
    return { reports: lines.map((line) => JSON.parse(line) as JobReport), log };
  } finally {
    bundle.remove();
  }
}
