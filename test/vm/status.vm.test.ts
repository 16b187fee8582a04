import { beforeAll, describe, expect, it } from "vitest";
import { bundleSources } from "../support/bundle.ts";
import { doctorSchema, statusSchema } from "../support/inspect-schema.ts";
import { runInVm, type VmResult, vmTestsWanted } from "../support/vm/vm.ts";
import { damages, steps } from "./status-scenario.ts";

/**
 * `weir doctor` and `weir status` on a kernel that has IPVS: status-program.ts asks them there, after each damage of
 * status-scenario.ts. Run with WEIR_VM_TESTS=1; takes some minutes.
 */

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe.runIf(vmTestsWanted)("status in a virtual machine", () => {
  let result: VmResult;

  function told<T = Ended>(step: (typeof steps)[number]): T {
    const text = result.output.get(step);
    if (text === undefined) throw new Error(`nothing told of ${step}: ${result.log}`);
    return JSON.parse(text) as T;
  }

  beforeAll(async () => {
    const bundle = await bundleSources("status-vm", { program: "test/vm/status-program.ts", weir: "bin/weir.ts" });
    const spec = "fixtures/26-node-ports/service.weir";
    const script = `exec node ${bundle.path("program")} ${bundle.path("weir")} ${spec} /run/weir-state`;
    result = await runInVm({ script, output: steps, seconds: 580 });
    bundle.remove();
  }, 600_000);

  it("runs to its end", () => {
    expect(result.code, result.log).toBe(0);
  });

  it("doctor finds the modules in the kernel's lists, and nothing missing", () => {
    const { code, stdout, stderr } = told("doctor");
    expect(code, stderr).toBe(0);
    const report = doctorSchema.parse(JSON.parse(stdout));
    expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(report.backends.ipvs).toEqual({ usable: true, reason: null });
  });

  it("the kernel holds what was applied", () => {
    expect(told("apply").code, told("apply").stderr).toBe(0);
    const { code, stdout } = told("whole");
    const status = statusSchema.parse(JSON.parse(stdout));
    expect(status.operations).toEqual([]);
    expect(status).toMatchObject({ state: "in-sync", counts: { services: 1, frontends: 4, endpoints: 4 } });
    expect(code).toBe(0);
  });

  it("virtual servers and sets of others are no difference, and survive", () => {
    expect(statusSchema.parse(JSON.parse(told("foreign").stdout)).state).toBe("in-sync");
    const survivors = told<string>("survivors");
    expect(survivors).toContain("-A -t 10.5.5.5:80 -s rr");
    expect(survivors).toContain("-a -t 10.5.5.5:80 -r 10.5.5.6:80 -m");
    expect(survivors).toContain("theirs");
    expect(survivors).not.toContain("weir");
  });

  it.each(damages)("sees and repairs: $name", ({ name, says }) => {
    const { status, repair } = told<Readonly<Record<string, { status: Ended; repair: Ended }>>>("damages")[name] ?? {
      status: null,
      repair: null,
    };
    expect(status?.code, status?.stderr).toBe(1);
    for (const sentence of says) expect(status?.stdout).toMatch(sentence);
    expect(repair?.code, repair?.stderr).toBe(0);
  });

  it("holds all of it again, and nothing after cleanup", () => {
    expect(statusSchema.parse(JSON.parse(told("repaired").stdout)).operations).toEqual([]);
    const { cleanup, status } = told<{ cleanup: Ended; status: Ended }>("cleanup");
    expect(cleanup.code, cleanup.stderr).toBe(0);
    expect(status.stdout).toBe("nothing of weir's is on this node\n");
  });
});
