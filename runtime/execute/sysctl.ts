import type { Sysctl } from "../../compiler/backends/ipvs/program.ts";
import { assert } from "../../compiler/result.ts";
import { HostError } from "../host/error.ts";
import type { Host } from "../host/host.ts";
import type { Executor } from "../planes/plane.ts";

/** Kernel settings of this network namespace; those that have their value already are not written. */
export const sysctlExecutor: Executor = {
  execute: async (host, step) => {
    assert(step.kind === "sysctl", `a step of kind ${step.kind} for kernel settings`);
    for (const sysctl of step.values) await setSysctl(host, sysctl);
  },
  check: async (host, step) => {
    assert(step.kind === "sysctl", `a step of kind ${step.kind} for kernel settings`);
    for (const { name } of step.values) {
      // those of IPVS come with its module
      if (!name.startsWith(ipvsSettings)) await readExisting(host, name);
    }
  },
};

const ipvsSettings = "net.ipv4.vs.";

/** The value of a setting, or null when this kernel, as it is now, does not have it. */
export async function readSysctl(host: Host, name: string): Promise<string | null> {
  return (await host.read(pathOf(name)))?.trim() ?? null;
}

function pathOf(name: string): string {
  assert(/^[a-z0-9_]+(\.[a-z0-9_]+)+$/.test(name), `${name} is no kernel setting`);
  return `/proc/sys/${name.replaceAll(".", "/")}`;
}

async function setSysctl(host: Host, { name, value }: Sysctl): Promise<void> {
  let known = await readSysctl(host, name);
  if (known === null && name.startsWith(ipvsSettings) && (await host.find("modprobe")) !== null) {
    await host.run({ argv: ["modprobe", "ip_vs"] });
  }
  known = await readExisting(host, name);
  if (known !== value) await host.write(pathOf(name), value);
}

async function readExisting(host: Host, name: string): Promise<string> {
  const value = await readSysctl(host, name);
  if (value !== null) return value;
  const isIpvs = name.startsWith(ipvsSettings);
  throw new HostError("unsupported", `this kernel has no setting ${name}`, { help: isIpvs ? "modprobe ip_vs" : null });
}
