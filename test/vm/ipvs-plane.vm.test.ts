import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { lowerIpvs } from "../../compiler/backends/ipvs/lower.ts";
import { printIpvs } from "../../compiler/backends/ipvs/print.ts";
import type { IpvsProgram } from "../../compiler/backends/ipvs/program.ts";
import { textOf } from "../../compiler/backends/text.ts";
import type { IrFrontend } from "../../compiler/ir/ir.ts";
import { bundleSources } from "../support/bundle.ts";
import { ipvsWorld } from "../support/ipvs-model.ts";
import { clusterRoutes, frontend, localRoutes, nodePortFrontend, testIr } from "../support/ir.ts";
import { worldText } from "../support/random-worlds.ts";
import { runInVm, type VmResult, vmTestsWanted } from "../support/vm/vm.ts";

/** The plane of IPVS in a kernel that has it. Run with WEIR_VM_TESTS=1. */

const [near, distant] = ["10.244.1.5:8080 local", "10.244.2.7:8080"];

function lowered(frontends: readonly IrFrontend[]): IpvsProgram {
  const ir = testIr({
    addresses: ["198.51.100.1", "2001:db8:1::1"],
    pods: ["10.244.0.0/16", "fd00:10:244::/56"],
    serviceRanges: ["10.96.0.0/16"],
    frontends,
  });
  return lowerIpvs(ir).program;
}

function services(endpoints: readonly string[], isWhole: boolean): readonly IrFrontend[] {
  const routes = clusterRoutes(endpoints);
  const rest = [
    frontend("10.96.0.10:80", { key: "t/web", routes }),
    frontend("10.96.0.12:80", { key: "t/single", routes }),
    frontend("192.0.2.7:80", { key: "t/outside", kind: "load-balancer", routes: localRoutes(endpoints) }),
    nodePortFrontend("ipv4", 30080, { key: "t/web", routes }),
  ];
  return [
    frontend("10.96.0.10:81", { key: "t/web", routes }),
    frontend("10.96.0.10:53", { key: "t/udp", protocol: "udp", routes }),
    ...(isWhole ? rest : []),
  ];
}

function filesOf(program: IpvsProgram): Readonly<Record<string, string>> {
  return Object.fromEntries(printIpvs(program).map((file) => [file.path, textOf(file)]));
}

const script = (program: string) => `
set -u
. test/support/vm/topology.sh
modprobe -a ip_vs xt_ipvs xt_set xt_mark xt_connmark xt_conntrack xt_addrtype xt_comment nf_nat
serve() { on $1 node ${program} serve $2 >/tmp/$1 2>&1 & }
serve pod1 near; serve far far; serve pod2 other
for name in pod1 pod2 far; do until grep -q ready /tmp/$name; do sleep 0.2; done; done
on node node ${program}
`;

const tests = ["drains", "damage", "restores", "pairs"] as const;

describe.runIf(vmTestsWanted)("the plane of IPVS in a virtual machine", () => {
  let result: VmResult;

  beforeAll(async () => {
    const bundle = await bundleSources("ipvs-plane", { program: "test/vm/ipvs-plane-program.ts" });
    const worlds: Readonly<Record<string, string>>[] = [];
    for (const text of fc.sample(worldText, { seed: 5, numRuns: 40 })) {
      const world = await ipvsWorld(text);
      if (world !== null && world.program.virtualServers.length > 3 && worlds.length < 3)
        worlds.push(filesOf(world.program));
    }
    const drains = {
      both: filesOf(lowered(services([near, distant], true))),
      far: filesOf(lowered(services([distant], true))),
      without: filesOf(lowered(services([near, distant], false))),
    };
    const input = new Map([
      ["worlds.json", JSON.stringify(worlds)],
      ["drains.json", JSON.stringify(drains)],
    ]);
    result = await runInVm({ script: script(bundle.path("program")), input, output: tests, seconds: 840 });
    bundle.remove();
  }, 870_000);

  it.each(tests)("%s", (name) => {
    expect(JSON.parse(result.output.get(name) ?? '["did not run"]'), result.log).toEqual([]);
    expect(result.code, result.log).toBe(0);
  });
});
