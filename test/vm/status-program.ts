import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import weirCall from "../support/weir-call.ts";
import { damages, steps } from "./status-scenario.ts";

/**
 * Runs in the virtual machine: applies to IPVS, lets others be at it, and writes what `weir` says each time to
 * /mnt/output, one file for each step of status-scenario.ts. Arguments: the command's script, the spec, a state folder.
 */
const [, , command = "", spec = "", state = ""] = process.argv;

async function weir(...args: readonly string[]) {
  const { code, stdout, stderr } = await weirCall({ args, command });
  return { code, stdout, stderr };
}

function tell(name: string, value: unknown): void {
  writeFileSync(`/mnt/output/${name}`, JSON.stringify(value));
}

function sh(text: string): string {
  return execFileSync("bash", ["-c", text], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

const apply = ["apply", spec, "--node", "worker-1", "--backend", "ipvs", "--no-fallback", "--state", state] as const;
const status = ["status", "--state", state] as const;

const work: Readonly<Record<(typeof steps)[number], () => Promise<unknown>>> = {
  doctor: () => weir("doctor", spec, "--node", "worker-1", "--backend", "ipvs", "--json"),
  apply: () => weir(...apply),
  whole: () => weir(...status, "--json"),
  foreign: async () => {
    sh("ipvsadm -A -t 10.5.5.5:80 -s rr; ipvsadm -a -t 10.5.5.5:80 -r 10.5.5.6:80 -m; ipset create theirs hash:ip");
    return weir(...status, "--json");
  },
  damages: async () => {
    const told: Record<string, unknown> = {};
    for (const { name, commands } of damages) {
      sh(commands);
      told[name] = { status: await weir(...status), repair: await weir(...apply) };
    }
    return told;
  },
  repaired: () => weir(...status, "--json"),
  cleanup: async () => ({ cleanup: await weir("cleanup", "--state", state), status: await weir(...status) }),
  survivors: async () => sh("ipvsadm -Sn; ipset list -n"),
};

for (const step of steps) tell(step, await work[step]());
// a keeper that waits for connections has none to wait for
process.exit(0);
